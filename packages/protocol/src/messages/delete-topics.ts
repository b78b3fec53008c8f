/** DeleteTopics (key 20): deletes topics, from 6 by name or id. */
import { api } from '../api.ts'
import { array, int16, int32, message, string, uuid, type ValueOf } from '../schema.ts'

export const DeleteTopicsRequest = message(
  'DeleteTopicsRequest',
  { versions: '1-6', flexible: 4 },
  {
    topics: array({ since: 6 }, { name: string({ nullable: true, default: null, entity: 'topicName' }), topicId: uuid() }),
    topicNames: array({ until: 5, ignorable: true, entity: 'topicName' }, string()),
    timeoutMs: int32(),
  },
)

export interface DeleteTopicsRequest extends ValueOf<typeof DeleteTopicsRequest> {}

export const DeleteTopicsResponse = message(
  'DeleteTopicsResponse',
  { versions: '1-6', flexible: 4 },
  {
    throttleTimeMs: int32({ ignorable: true }),
    responses: array({
      name: string({ nullable: 6, mapKey: true, entity: 'topicName' }),
      topicId: uuid({ since: 6, ignorable: true }),
      errorCode: int16(),
      errorMessage: string({ since: 5, nullable: true, default: null, ignorable: true }),
    }),
  },
)

export interface DeleteTopicsResponse extends ValueOf<typeof DeleteTopicsResponse> {}

export const DeleteTopics = api({
  key: 20,
  name: 'DeleteTopics',
  listeners: ['broker', 'controller'],
  forwarded: true,
  request: DeleteTopicsRequest,
  response: DeleteTopicsResponse,
})
