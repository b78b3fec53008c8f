/** DeleteShareGroupState (key 86): share coordinator: deletes the state of a share partition. */
import { api } from '../api.ts'
import { array, int16, int32, message, string, uuid, type ValueOf } from '../schema.ts'

export const DeleteShareGroupStateRequest = message(
  'DeleteShareGroupStateRequest',
  { versions: '0', flexible: 0 },
  { groupId: string(), topics: array({ topicId: uuid(), partitions: array({ partition: int32() }) }) },
)

export interface DeleteShareGroupStateRequest extends ValueOf<typeof DeleteShareGroupStateRequest> {}

export const DeleteShareGroupStateResponse = message(
  'DeleteShareGroupStateResponse',
  { versions: '0', flexible: 0 },
  {
    results: array({
      topicId: uuid(),
      partitions: array({ partition: int32(), errorCode: int16(), errorMessage: string({ nullable: true, default: null }) }),
    }),
  },
)

export interface DeleteShareGroupStateResponse extends ValueOf<typeof DeleteShareGroupStateResponse> {}

export const DeleteShareGroupState = api({
  key: 86,
  name: 'DeleteShareGroupState',
  listeners: ['broker'],
  clusterAction: true,
  request: DeleteShareGroupStateRequest,
  response: DeleteShareGroupStateResponse,
})
