/** WriteShareGroupState (key 85): share coordinator: writes the state of a share partition. */
import { api } from '../api.ts'
import { array, int8, int16, int32, int64, message, string, uuid, type ValueOf } from '../schema.ts'

export const WriteShareGroupStateRequest = message(
  'WriteShareGroupStateRequest',
  { versions: '0-1', flexible: 0 },
  {
    groupId: string(),
    topics: array({
      topicId: uuid(),
      partitions: array({
        partition: int32(),
        stateEpoch: int32(),
        leaderEpoch: int32(),
        startOffset: int64(),
        deliveryCompleteCount: int32({ since: 1, default: -1, ignorable: true }),
        stateBatches: array({ firstOffset: int64(), lastOffset: int64(), deliveryState: int8(), deliveryCount: int16() }),
      }),
    }),
  },
)

export interface WriteShareGroupStateRequest extends ValueOf<typeof WriteShareGroupStateRequest> {}

export const WriteShareGroupStateResponse = message(
  'WriteShareGroupStateResponse',
  { versions: '0-1', flexible: 0 },
  {
    results: array({
      topicId: uuid(),
      partitions: array({ partition: int32(), errorCode: int16(), errorMessage: string({ nullable: true, default: null }) }),
    }),
  },
)

export interface WriteShareGroupStateResponse extends ValueOf<typeof WriteShareGroupStateResponse> {}

export const WriteShareGroupState = api({
  key: 85,
  name: 'WriteShareGroupState',
  listeners: ['broker'],
  clusterAction: true,
  request: WriteShareGroupStateRequest,
  response: WriteShareGroupStateResponse,
})
