/** AlterShareGroupOffsets (key 91): moves the start of a share group. */
import { api } from '../api.ts'
import { array, int16, int32, int64, message, string, uuid, type ValueOf } from '../schema.ts'

export const AlterShareGroupOffsetsRequest = message(
  'AlterShareGroupOffsetsRequest',
  { versions: '0', flexible: 0 },
  {
    groupId: string({ entity: 'groupId' }),
    topics: array({
      topicName: string({ mapKey: true, entity: 'topicName' }),
      partitions: array({ partitionIndex: int32(), startOffset: int64() }),
    }),
  },
)

export interface AlterShareGroupOffsetsRequest extends ValueOf<typeof AlterShareGroupOffsetsRequest> {}

export const AlterShareGroupOffsetsResponse = message(
  'AlterShareGroupOffsetsResponse',
  { versions: '0', flexible: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: true, default: null }),
    responses: array({
      topicName: string({ mapKey: true, entity: 'topicName' }),
      topicId: uuid(),
      partitions: array({ partitionIndex: int32(), errorCode: int16(), errorMessage: string({ nullable: true, default: null }) }),
    }),
  },
)

export interface AlterShareGroupOffsetsResponse extends ValueOf<typeof AlterShareGroupOffsetsResponse> {}

export const AlterShareGroupOffsets = api({
  key: 91,
  name: 'AlterShareGroupOffsets',
  listeners: ['broker'],
  request: AlterShareGroupOffsetsRequest,
  response: AlterShareGroupOffsetsResponse,
})
