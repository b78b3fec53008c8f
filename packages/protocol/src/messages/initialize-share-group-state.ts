/** InitializeShareGroupState (key 83): share coordinator: begins the state of a share partition. */
import { api } from '../api.ts'
import { array, int16, int32, int64, message, string, uuid, type ValueOf } from '../schema.ts'

export const InitializeShareGroupStateRequest = message(
  'InitializeShareGroupStateRequest',
  { versions: '0', flexible: 0 },
  {
    groupId: string(),
    topics: array({ topicId: uuid(), partitions: array({ partition: int32(), stateEpoch: int32(), startOffset: int64() }) }),
  },
)

export interface InitializeShareGroupStateRequest extends ValueOf<typeof InitializeShareGroupStateRequest> {}

export const InitializeShareGroupStateResponse = message(
  'InitializeShareGroupStateResponse',
  { versions: '0', flexible: 0 },
  {
    results: array({
      topicId: uuid(),
      partitions: array({ partition: int32(), errorCode: int16(), errorMessage: string({ nullable: true, default: null }) }),
    }),
  },
)

export interface InitializeShareGroupStateResponse extends ValueOf<typeof InitializeShareGroupStateResponse> {}

export const InitializeShareGroupState = api({
  key: 83,
  name: 'InitializeShareGroupState',
  listeners: ['broker'],
  clusterAction: true,
  request: InitializeShareGroupStateRequest,
  response: InitializeShareGroupStateResponse,
})
