import { type DescribeClusterResponse, type Draft, ErrorCode } from '@millrace/protocol'

/** Kafka's numbers of the two sorts of listeners. */
export const brokerEndpoint = 1
export const controllerEndpoint = 2

/** The answer to a DescribeCluster that asks this sort of listener for another sort. */
export function wrongEndpoint(asked: number, here: number): Draft<DescribeClusterResponse> {
  const name = (type: number) => (type === brokerEndpoint ? 'BROKER' : type === controllerEndpoint ? 'CONTROLLER' : `${type}`)
  const isKnown = asked === brokerEndpoint || asked === controllerEndpoint
  return {
    errorCode: isKnown ? ErrorCode.MISMATCHED_ENDPOINT_TYPE : ErrorCode.UNSUPPORTED_ENDPOINT_TYPE,
    errorMessage: `This is an endpoint of type ${name(here)}, and one of type ${name(asked)} was asked for.`,
    endpointType: here,
    clusterId: '',
  }
}
