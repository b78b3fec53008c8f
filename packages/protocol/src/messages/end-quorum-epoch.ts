/** EndQuorumEpoch (key 54): raft: a leader resigns and says who should follow. */
import { api } from '../api.ts'
import { array, int16, int32, message, string, uint16, uuid, type ValueOf } from '../schema.ts'

export const EndQuorumEpochRequest = message(
  'EndQuorumEpochRequest',
  { versions: '0-1', flexible: 1 },
  {
    clusterId: string({ nullable: true, default: null }),
    topics: array({
      topicName: string({ entity: 'topicName' }),
      partitions: array({
        partitionIndex: int32(),
        leaderId: int32({ entity: 'brokerId' }),
        leaderEpoch: int32(),
        preferredSuccessors: array({ until: 0, ignorable: true }, int32()),
        preferredCandidates: array(
          { since: 1, ignorable: true },
          { candidateId: int32({ entity: 'brokerId' }), candidateDirectoryId: uuid() },
        ),
      }),
    }),
    leaderEndpoints: array({ since: 1, ignorable: true }, { name: string({ mapKey: true }), host: string(), port: uint16() }),
  },
)

export interface EndQuorumEpochRequest extends ValueOf<typeof EndQuorumEpochRequest> {}

export const EndQuorumEpochResponse = message(
  'EndQuorumEpochResponse',
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

export interface EndQuorumEpochResponse extends ValueOf<typeof EndQuorumEpochResponse> {}

export const EndQuorumEpoch = api({
  key: 54,
  name: 'EndQuorumEpoch',
  listeners: ['controller'],
  clusterAction: true,
  request: EndQuorumEpochRequest,
  response: EndQuorumEpochResponse,
})
