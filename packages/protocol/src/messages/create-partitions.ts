/** CreatePartitions (key 37): gives topics more partitions. */
import { api } from '../api.ts'
import { array, bool, int16, int32, message, string, type ValueOf } from '../schema.ts'

export const CreatePartitionsRequest = message(
  'CreatePartitionsRequest',
  { versions: '0-3', flexible: 2 },
  {
    topics: array({
      name: string({ mapKey: true, entity: 'topicName' }),
      count: int32(),
      assignments: array({ nullable: true }, { brokerIds: array({ entity: 'brokerId' }, int32()) }),
    }),
    timeoutMs: int32(),
    validateOnly: bool(),
  },
)

export interface CreatePartitionsRequest extends ValueOf<typeof CreatePartitionsRequest> {}

export const CreatePartitionsResponse = message(
  'CreatePartitionsResponse',
  { versions: '0-3', flexible: 2 },
  {
    throttleTimeMs: int32(),
    results: array({
      name: string({ entity: 'topicName' }),
      errorCode: int16(),
      errorMessage: string({ nullable: true, default: null }),
    }),
  },
)

export interface CreatePartitionsResponse extends ValueOf<typeof CreatePartitionsResponse> {}

export const CreatePartitions = api({
  key: 37,
  name: 'CreatePartitions',
  listeners: ['broker', 'controller'],
  forwarded: true,
  request: CreatePartitionsRequest,
  response: CreatePartitionsResponse,
})
