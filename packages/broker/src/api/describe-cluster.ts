import {
  DescribeCluster,
  type DescribeClusterRequest,
  type DescribeClusterResponse,
  type Draft,
  ErrorCode,
} from '@millrace/protocol'
import { clusterOperations, operationsNotAsked } from './authorized-operations.ts'
import type { ApiHandler } from './handler.ts'
import { ReachableBrokers } from './partition-answer.ts'

const brokerEndpoint = 1
const controllerEndpoint = 2

/** DescribeCluster: the cluster's id and its brokers; from version 2 on the fenced ones too if asked for. */
export function describeClusterHandler(): ApiHandler<DescribeClusterRequest, Draft<DescribeClusterResponse>> {
  return {
    api: DescribeCluster,
    versions: { min: 0, max: 2 },
    handle(request, { listenerName }, { metadata, clusterId }) {
      const { endpointType } = request
      if (endpointType !== brokerEndpoint) {
        const known = endpointType === controllerEndpoint
        return {
          errorCode: known ? ErrorCode.MISMATCHED_ENDPOINT_TYPE : ErrorCode.UNSUPPORTED_ENDPOINT_TYPE,
          errorMessage: `This is an endpoint of type BROKER, and one of type ${known ? 'CONTROLLER' : endpointType} was asked for.`,
          endpointType: brokerEndpoint,
          clusterId: '',
        }
      }
      const reachable = new ReachableBrokers(metadata, listenerName)
      const brokers = [...metadata.brokers()].flatMap(broker => {
        const address = broker.fenced && !request.includeFencedBrokers ? undefined : reachable.addressOf(broker)
        return address ? [{ brokerId: broker.id, ...address, rack: broker.rack, isFenced: broker.fenced }] : []
      })
      return {
        endpointType,
        clusterId,
        controllerId: reachable.endpoints[0]?.broker.id ?? -1,
        brokers,
        clusterAuthorizedOperations: request.includeClusterAuthorizedOperations ? clusterOperations : operationsNotAsked,
      }
    },
  }
}
