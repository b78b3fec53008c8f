/** OffsetFetch (key 9): reads committed offsets. From 8 of several groups at once, from 10 topics go by id. */
import { api } from '../api.ts'
import { array, bool, int16, int32, int64, message, string, uuid, type ValueOf } from '../schema.ts'

export const OffsetFetchRequest = message(
  'OffsetFetchRequest',
  { versions: '1-10', flexible: 6 },
  {
    groupId: string({ until: 7, entity: 'groupId' }),
    topics: array({ until: 7, nullable: 2 }, { name: string({ entity: 'topicName' }), partitionIndexes: array(int32()) }),
    groups: array(
      { since: 8 },
      {
        groupId: string({ entity: 'groupId' }),
        memberId: string({ since: 9, nullable: true, default: null, ignorable: true }),
        memberEpoch: int32({ since: 9, default: -1, ignorable: true }),
        topics: array(
          { nullable: true },
          {
            name: string({ until: 9, ignorable: true, entity: 'topicName' }),
            topicId: uuid({ since: 10, ignorable: true }),
            partitionIndexes: array(int32()),
          },
        ),
      },
    ),
    requireStable: bool({ since: 7 }),
  },
)

export interface OffsetFetchRequest extends ValueOf<typeof OffsetFetchRequest> {}

export const OffsetFetchResponse = message(
  'OffsetFetchResponse',
  { versions: '1-10', flexible: 6 },
  {
    throttleTimeMs: int32({ since: 3, ignorable: true }),
    topics: array(
      { until: 7 },
      {
        name: string({ entity: 'topicName' }),
        partitions: array({
          partitionIndex: int32(),
          committedOffset: int64(),
          committedLeaderEpoch: int32({ since: 5, default: -1, ignorable: true }),
          metadata: string({ nullable: true }),
          errorCode: int16(),
        }),
      },
    ),
    errorCode: int16({ since: 2, until: 7, ignorable: true }),
    groups: array(
      { since: 8 },
      {
        groupId: string({ entity: 'groupId' }),
        topics: array({
          name: string({ until: 9, ignorable: true, entity: 'topicName' }),
          topicId: uuid({ since: 10, ignorable: true }),
          partitions: array({
            partitionIndex: int32(),
            committedOffset: int64(),
            committedLeaderEpoch: int32({ default: -1, ignorable: true }),
            metadata: string({ nullable: true }),
            errorCode: int16(),
          }),
        }),
        errorCode: int16(),
      },
    ),
  },
)

export interface OffsetFetchResponse extends ValueOf<typeof OffsetFetchResponse> {}

export const OffsetFetch = api({
  key: 9,
  name: 'OffsetFetch',
  listeners: ['broker'],
  request: OffsetFetchRequest,
  response: OffsetFetchResponse,
})
