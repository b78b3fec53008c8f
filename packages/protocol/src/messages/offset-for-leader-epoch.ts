/** OffsetForLeaderEpoch (key 23): where a leader epoch ended: how followers and consumers find divergence. */
import { api } from '../api.ts'
import { array, int16, int32, int64, message, string, type ValueOf } from '../schema.ts'

export const OffsetForLeaderEpochRequest = message(
  'OffsetForLeaderEpochRequest',
  { versions: '2-4', flexible: 4 },
  {
    replicaId: int32({ since: 3, default: -2, ignorable: true, entity: 'brokerId' }),
    topics: array({
      topic: string({ mapKey: true, entity: 'topicName' }),
      partitions: array({
        partition: int32(),
        currentLeaderEpoch: int32({ default: -1, ignorable: true }),
        leaderEpoch: int32(),
      }),
    }),
  },
)

export interface OffsetForLeaderEpochRequest extends ValueOf<typeof OffsetForLeaderEpochRequest> {}

export const OffsetForLeaderEpochResponse = message(
  'OffsetForLeaderEpochResponse',
  { versions: '2-4', flexible: 4 },
  {
    throttleTimeMs: int32({ ignorable: true }),
    topics: array({
      topic: string({ mapKey: true, entity: 'topicName' }),
      partitions: array({
        errorCode: int16(),
        partition: int32(),
        leaderEpoch: int32({ default: -1, ignorable: true }),
        endOffset: int64({ default: -1 }),
      }),
    }),
  },
)

export interface OffsetForLeaderEpochResponse extends ValueOf<typeof OffsetForLeaderEpochResponse> {}

export const OffsetForLeaderEpoch = api({
  key: 23,
  name: 'OffsetForLeaderEpoch',
  listeners: ['broker'],
  request: OffsetForLeaderEpochRequest,
  response: OffsetForLeaderEpochResponse,
})
