/** Vote (key 52): raft: a candidate asks for a vote; from 2 also a prospective one, before it raises the epoch. */
import { api } from '../api.ts'
import { array, bool, int16, int32, int64, message, string, uint16, uuid, type ValueOf } from '../schema.ts'

export const VoteRequest = message(
  'VoteRequest',
  { versions: '0-2', flexible: 0 },
  {
    clusterId: string({ nullable: true, default: null }),
    voterId: int32({ since: 1, default: -1, ignorable: true, entity: 'brokerId' }),
    topics: array({
      topicName: string({ entity: 'topicName' }),
      partitions: array({
        partitionIndex: int32(),
        replicaEpoch: int32(),
        replicaId: int32({ entity: 'brokerId' }),
        replicaDirectoryId: uuid({ since: 1, ignorable: true }),
        voterDirectoryId: uuid({ since: 1, ignorable: true }),
        lastOffsetEpoch: int32(),
        lastOffset: int64(),
        preVote: bool({ since: 2 }),
      }),
    }),
  },
)

export interface VoteRequest extends ValueOf<typeof VoteRequest> {}

export const VoteResponse = message(
  'VoteResponse',
  { versions: '0-2', flexible: 0 },
  {
    errorCode: int16(),
    topics: array({
      topicName: string({ entity: 'topicName' }),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        leaderId: int32({ entity: 'brokerId' }),
        leaderEpoch: int32(),
        voteGranted: bool(),
      }),
    }),
    nodeEndpoints: array(
      { tag: 0, since: 1 },
      { nodeId: int32({ mapKey: true, entity: 'brokerId' }), host: string(), port: uint16() },
    ),
  },
)

export interface VoteResponse extends ValueOf<typeof VoteResponse> {}

export const Vote = api({
  key: 52,
  name: 'Vote',
  listeners: ['controller'],
  clusterAction: true,
  request: VoteRequest,
  response: VoteResponse,
})
