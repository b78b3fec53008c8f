/** ListOffsets (key 2): the offset for a timestamp, or the first (-2), the last (-1) and other marked ones. */
import { api } from '../api.ts'
import { array, int8, int16, int32, int64, message, string, type ValueOf } from '../schema.ts'

export const ListOffsetsRequest = message(
  'ListOffsetsRequest',
  { versions: '1-11', flexible: 6 },
  {
    replicaId: int32({ entity: 'brokerId' }),
    isolationLevel: int8({ since: 2 }),
    topics: array({
      name: string({ entity: 'topicName' }),
      partitions: array({
        partitionIndex: int32(),
        currentLeaderEpoch: int32({ since: 4, default: -1, ignorable: true }),
        timestamp: int64(),
      }),
    }),
    timeoutMs: int32({ since: 10, ignorable: true }),
  },
)

export interface ListOffsetsRequest extends ValueOf<typeof ListOffsetsRequest> {}

export const ListOffsetsResponse = message(
  'ListOffsetsResponse',
  { versions: '1-11', flexible: 6 },
  {
    throttleTimeMs: int32({ since: 2, ignorable: true }),
    topics: array({
      name: string({ entity: 'topicName' }),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        timestamp: int64({ default: -1 }),
        offset: int64({ default: -1 }),
        leaderEpoch: int32({ since: 4, default: -1 }),
      }),
    }),
  },
)

export interface ListOffsetsResponse extends ValueOf<typeof ListOffsetsResponse> {}

export const ListOffsets = api({
  key: 2,
  name: 'ListOffsets',
  listeners: ['broker'],
  request: ListOffsetsRequest,
  response: ListOffsetsResponse,
})
