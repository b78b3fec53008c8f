/** OffsetDelete (key 47): deletes committed offsets of topics that a group no longer reads. Never flexible. */
import { api } from '../api.ts'
import { array, int16, int32, message, string, type ValueOf } from '../schema.ts'

export const OffsetDeleteRequest = message(
  'OffsetDeleteRequest',
  { versions: '0' },
  {
    groupId: string({ entity: 'groupId' }),
    topics: array({ name: string({ mapKey: true, entity: 'topicName' }), partitions: array({ partitionIndex: int32() }) }),
  },
)

export interface OffsetDeleteRequest extends ValueOf<typeof OffsetDeleteRequest> {}

export const OffsetDeleteResponse = message(
  'OffsetDeleteResponse',
  { versions: '0' },
  {
    errorCode: int16(),
    throttleTimeMs: int32({ ignorable: true }),
    topics: array({
      name: string({ mapKey: true, entity: 'topicName' }),
      partitions: array({ partitionIndex: int32({ mapKey: true }), errorCode: int16() }),
    }),
  },
)

export interface OffsetDeleteResponse extends ValueOf<typeof OffsetDeleteResponse> {}

export const OffsetDelete = api({
  key: 47,
  name: 'OffsetDelete',
  listeners: ['broker'],
  request: OffsetDeleteRequest,
  response: OffsetDeleteResponse,
})
