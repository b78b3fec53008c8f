/** ReadShareGroupState (key 84): share coordinator: reads the state of a share partition. */
import { api } from '../api.ts'
import { array, int8, int16, int32, int64, message, string, uuid, type ValueOf } from '../schema.ts'

export const ReadShareGroupStateRequest = message(
  'ReadShareGroupStateRequest',
  { versions: '0', flexible: 0 },
  { groupId: string(), topics: array({ topicId: uuid(), partitions: array({ partition: int32(), leaderEpoch: int32() }) }) },
)

export interface ReadShareGroupStateRequest extends ValueOf<typeof ReadShareGroupStateRequest> {}

export const ReadShareGroupStateResponse = message(
  'ReadShareGroupStateResponse',
  { versions: '0', flexible: 0 },
  {
    results: array({
      topicId: uuid(),
      partitions: array({
        partition: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: true, default: null }),
        stateEpoch: int32(),
        startOffset: int64(),
        stateBatches: array({ firstOffset: int64(), lastOffset: int64(), deliveryState: int8(), deliveryCount: int16() }),
      }),
    }),
  },
)

export interface ReadShareGroupStateResponse extends ValueOf<typeof ReadShareGroupStateResponse> {}

export const ReadShareGroupState = api({
  key: 84,
  name: 'ReadShareGroupState',
  listeners: ['broker'],
  clusterAction: true,
  request: ReadShareGroupStateRequest,
  response: ReadShareGroupStateResponse,
})
