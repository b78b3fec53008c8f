/** BeginQuorumEpoch (key 53): raft: a new leader makes itself known to the voters. */
import { api } from '../api.ts'
import { array, int16, int32, message, string, uint16, uuid, type ValueOf } from '../schema.ts'

export const BeginQuorumEpochRequest = message(
  'BeginQuorumEpochRequest',
  { versions: '0-1', flexible: 1 },
  {
    clusterId: string({ nullable: true, default: null }),
    voterId: int32({ since: 1, default: -1, ignorable: true, entity: 'brokerId' }),
    topics: array({
      topicName: string({ entity: 'topicName' }),
      partitions: array({
        partitionIndex: int32(),
        voterDirectoryId: uuid({ since: 1, ignorable: true }),
        leaderId: int32({ entity: 'brokerId' }),
        leaderEpoch: int32(),
      }),
    }),
    leaderEndpoints: array({ since: 1, ignorable: true }, { name: string({ mapKey: true }), host: string(), port: uint16() }),
  },
)

export interface BeginQuorumEpochRequest extends ValueOf<typeof BeginQuorumEpochRequest> {}

export const BeginQuorumEpochResponse = message(
  'BeginQuorumEpochResponse',
  { versions: '0-1', flexible: 1 },
  {
    errorCode: int16(),
    topics: array({
      topicName: string({ entity: 'topicName' }),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        leaderId: int32({ entity: 'brokerId' }),
        leaderEpoch: int32(),
      }),
    }),
    nodeEndpoints: array(
      { tag: 0, since: 1 },
      { nodeId: int32({ mapKey: true, entity: 'brokerId' }), host: string(), port: uint16() },
    ),
  },
)

export interface BeginQuorumEpochResponse extends ValueOf<typeof BeginQuorumEpochResponse> {}

export const BeginQuorumEpoch = api({
  key: 53,
  name: 'BeginQuorumEpoch',
  listeners: ['controller'],
  clusterAction: true,
  request: BeginQuorumEpochRequest,
  response: BeginQuorumEpochResponse,
})
