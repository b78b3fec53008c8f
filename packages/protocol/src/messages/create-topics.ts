/** CreateTopics (key 19): creates topics with a number of partitions or an explicit assignment, and their settings. */
import { api } from '../api.ts'
import { array, bool, int8, int16, int32, message, string, uuid, type ValueOf } from '../schema.ts'

export const CreateTopicsRequest = message(
  'CreateTopicsRequest',
  { versions: '2-7', flexible: 5 },
  {
    topics: array({
      name: string({ mapKey: true, entity: 'topicName' }),
      numPartitions: int32(),
      replicationFactor: int16(),
      assignments: array({ partitionIndex: int32({ mapKey: true }), brokerIds: array({ entity: 'brokerId' }, int32()) }),
      configs: array({ name: string({ mapKey: true }), value: string({ nullable: true }) }),
    }),
    timeoutMs: int32({ default: 60000 }),
    validateOnly: bool(),
  },
)

export interface CreateTopicsRequest extends ValueOf<typeof CreateTopicsRequest> {}

export const CreateTopicsResponse = message(
  'CreateTopicsResponse',
  { versions: '2-7', flexible: 5 },
  {
    throttleTimeMs: int32({ ignorable: true }),
    topics: array({
      name: string({ mapKey: true, entity: 'topicName' }),
      topicId: uuid({ since: 7, ignorable: true }),
      errorCode: int16(),
      errorMessage: string({ nullable: true, ignorable: true }),
      topicConfigErrorCode: int16({ tag: 0, since: 5, ignorable: true }),
      numPartitions: int32({ since: 5, default: -1, ignorable: true }),
      replicationFactor: int16({ since: 5, default: -1, ignorable: true }),
      configs: array(
        { since: 5, nullable: true, ignorable: true },
        {
          name: string(),
          value: string({ nullable: true }),
          readOnly: bool(),
          configSource: int8({ default: -1, ignorable: true }),
          isSensitive: bool(),
        },
      ),
    }),
  },
)

export interface CreateTopicsResponse extends ValueOf<typeof CreateTopicsResponse> {}

export const CreateTopics = api({
  key: 19,
  name: 'CreateTopics',
  listeners: ['broker', 'controller'],
  forwarded: true,
  request: CreateTopicsRequest,
  response: CreateTopicsResponse,
})
