/** DescribeCluster (key 60): cluster id, brokers or controllers, and who is the controller. */
import { api } from '../api.ts'
import { array, bool, int8, int16, int32, message, string, type ValueOf } from '../schema.ts'

export const DescribeClusterRequest = message(
  'DescribeClusterRequest',
  { versions: '0-2', flexible: 0 },
  {
    includeClusterAuthorizedOperations: bool(),
    endpointType: int8({ since: 1, default: 1 }),
    includeFencedBrokers: bool({ since: 2 }),
  },
)

export interface DescribeClusterRequest extends ValueOf<typeof DescribeClusterRequest> {}

export const DescribeClusterResponse = message(
  'DescribeClusterResponse',
  { versions: '0-2', flexible: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: true, default: null }),
    endpointType: int8({ since: 1, default: 1 }),
    clusterId: string(),
    controllerId: int32({ default: -1, entity: 'brokerId' }),
    brokers: array({
      brokerId: int32({ mapKey: true, entity: 'brokerId' }),
      host: string(),
      port: int32(),
      rack: string({ nullable: true, default: null }),
      isFenced: bool({ since: 2 }),
    }),
    clusterAuthorizedOperations: int32({ default: -2147483648 }),
  },
)

export interface DescribeClusterResponse extends ValueOf<typeof DescribeClusterResponse> {}

export const DescribeCluster = api({
  key: 60,
  name: 'DescribeCluster',
  listeners: ['broker', 'controller'],
  request: DescribeClusterRequest,
  response: DescribeClusterResponse,
})
