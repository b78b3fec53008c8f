/** DeleteShareGroupOffsets (key 92): forgets topics of a share group. */
import { api } from '../api.ts'
import { array, int16, int32, message, string, uuid, type ValueOf } from '../schema.ts'

export const DeleteShareGroupOffsetsRequest = message(
  'DeleteShareGroupOffsetsRequest',
  { versions: '0', flexible: 0 },
  { groupId: string({ entity: 'groupId' }), topics: array({ topicName: string({ entity: 'topicName' }) }) },
)

export interface DeleteShareGroupOffsetsRequest extends ValueOf<typeof DeleteShareGroupOffsetsRequest> {}

export const DeleteShareGroupOffsetsResponse = message(
  'DeleteShareGroupOffsetsResponse',
  { versions: '0', flexible: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: true, default: null }),
    responses: array({
      topicName: string({ entity: 'topicName' }),
      topicId: uuid(),
      errorCode: int16(),
      errorMessage: string({ nullable: true, default: null }),
    }),
  },
)

export interface DeleteShareGroupOffsetsResponse extends ValueOf<typeof DeleteShareGroupOffsetsResponse> {}

export const DeleteShareGroupOffsets = api({
  key: 92,
  name: 'DeleteShareGroupOffsets',
  listeners: ['broker'],
  request: DeleteShareGroupOffsetsRequest,
  response: DeleteShareGroupOffsetsResponse,
})
