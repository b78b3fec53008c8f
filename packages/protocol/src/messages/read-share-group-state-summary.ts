/** ReadShareGroupStateSummary (key 87): share coordinator: reads where a share partition stands, without its batches. */
import { api } from '../api.ts'
import { array, int16, int32, int64, message, string, uuid, type ValueOf } from '../schema.ts'

export const ReadShareGroupStateSummaryRequest = message(
  'ReadShareGroupStateSummaryRequest',
  { versions: '0-1', flexible: 0 },
  { groupId: string(), topics: array({ topicId: uuid(), partitions: array({ partition: int32(), leaderEpoch: int32() }) }) },
)

export interface ReadShareGroupStateSummaryRequest extends ValueOf<typeof ReadShareGroupStateSummaryRequest> {}

export const ReadShareGroupStateSummaryResponse = message(
  'ReadShareGroupStateSummaryResponse',
  { versions: '0-1', flexible: 0 },
  {
    results: array({
      topicId: uuid(),
      partitions: array({
        partition: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: true, default: null }),
        stateEpoch: int32(),
        leaderEpoch: int32(),
        startOffset: int64(),
        deliveryCompleteCount: int32({ since: 1, default: -1, ignorable: true }),
      }),
    }),
  },
)

export interface ReadShareGroupStateSummaryResponse extends ValueOf<typeof ReadShareGroupStateSummaryResponse> {}

export const ReadShareGroupStateSummary = api({
  key: 87,
  name: 'ReadShareGroupStateSummary',
  listeners: ['broker'],
  clusterAction: true,
  request: ReadShareGroupStateSummaryRequest,
  response: ReadShareGroupStateSummaryResponse,
})
