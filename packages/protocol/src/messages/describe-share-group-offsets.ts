/** DescribeShareGroupOffsets (key 90): where share groups stand in their partitions. */
import { api } from '../api.ts'
import { array, int16, int32, int64, message, string, uuid, type ValueOf } from '../schema.ts'

export const DescribeShareGroupOffsetsRequest = message(
  'DescribeShareGroupOffsetsRequest',
  { versions: '0-1', flexible: 0 },
  {
    groups: array({
      groupId: string({ entity: 'groupId' }),
      topics: array({ nullable: true }, { topicName: string({ entity: 'topicName' }), partitions: array(int32()) }),
    }),
  },
)

export interface DescribeShareGroupOffsetsRequest extends ValueOf<typeof DescribeShareGroupOffsetsRequest> {}

export const DescribeShareGroupOffsetsResponse = message(
  'DescribeShareGroupOffsetsResponse',
  { versions: '0-1', flexible: 0 },
  {
    throttleTimeMs: int32(),
    groups: array({
      groupId: string({ entity: 'groupId' }),
      topics: array({
        topicName: string({ entity: 'topicName' }),
        topicId: uuid(),
        partitions: array({
          partitionIndex: int32(),
          startOffset: int64(),
          leaderEpoch: int32(),
          lag: int64({ since: 1, default: -1, ignorable: true }),
          errorCode: int16(),
          errorMessage: string({ nullable: true, default: null }),
        }),
      }),
      errorCode: int16(),
      errorMessage: string({ nullable: true, default: null }),
    }),
  },
)

export interface DescribeShareGroupOffsetsResponse extends ValueOf<typeof DescribeShareGroupOffsetsResponse> {}

export const DescribeShareGroupOffsets = api({
  key: 90,
  name: 'DescribeShareGroupOffsets',
  listeners: ['broker'],
  request: DescribeShareGroupOffsetsRequest,
  response: DescribeShareGroupOffsetsResponse,
})
