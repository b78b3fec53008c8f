/** DeleteRecords (key 21): moves the log start offset up. */
import { api } from '../api.ts'
import { array, int16, int32, int64, message, string, type ValueOf } from '../schema.ts'

export const DeleteRecordsRequest = message(
  'DeleteRecordsRequest',
  { versions: '0-2', flexible: 2 },
  {
    topics: array({ name: string({ entity: 'topicName' }), partitions: array({ partitionIndex: int32(), offset: int64() }) }),
    timeoutMs: int32(),
  },
)

export interface DeleteRecordsRequest extends ValueOf<typeof DeleteRecordsRequest> {}

export const DeleteRecordsResponse = message(
  'DeleteRecordsResponse',
  { versions: '0-2', flexible: 2 },
  {
    throttleTimeMs: int32(),
    topics: array({
      name: string({ mapKey: true, entity: 'topicName' }),
      partitions: array({ partitionIndex: int32({ mapKey: true }), lowWatermark: int64(), errorCode: int16() }),
    }),
  },
)

export interface DeleteRecordsResponse extends ValueOf<typeof DeleteRecordsResponse> {}

export const DeleteRecords = api({
  key: 21,
  name: 'DeleteRecords',
  listeners: ['broker'],
  request: DeleteRecordsRequest,
  response: DeleteRecordsResponse,
})
