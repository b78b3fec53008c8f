/** OffsetCommit (key 8): commits offsets of a group. From 9 for consumer groups too (KIP-848), from 10 topics go by id. */
import { api } from '../api.ts'
import { array, int16, int32, int64, message, string, uuid, type ValueOf } from '../schema.ts'

export const OffsetCommitRequest = message(
  'OffsetCommitRequest',
  { versions: '2-10', flexible: 8 },
  {
    groupId: string({ entity: 'groupId' }),
    generationIdOrMemberEpoch: int32({ default: -1, ignorable: true }),
    memberId: string({ ignorable: true }),
    groupInstanceId: string({ since: 7, nullable: true, default: null }),
    retentionTimeMs: int64({ until: 4, default: -1, ignorable: true }),
    topics: array({
      name: string({ until: 9, ignorable: true, entity: 'topicName' }),
      topicId: uuid({ since: 10, ignorable: true }),
      partitions: array({
        partitionIndex: int32(),
        committedOffset: int64(),
        committedLeaderEpoch: int32({ since: 6, default: -1, ignorable: true }),
        committedMetadata: string({ nullable: true }),
      }),
    }),
  },
)

export interface OffsetCommitRequest extends ValueOf<typeof OffsetCommitRequest> {}

export const OffsetCommitResponse = message(
  'OffsetCommitResponse',
  { versions: '2-10', flexible: 8 },
  {
    throttleTimeMs: int32({ since: 3, ignorable: true }),
    topics: array({
      name: string({ until: 9, ignorable: true, entity: 'topicName' }),
      topicId: uuid({ since: 10, ignorable: true }),
      partitions: array({ partitionIndex: int32(), errorCode: int16() }),
    }),
  },
)

export interface OffsetCommitResponse extends ValueOf<typeof OffsetCommitResponse> {}

export const OffsetCommit = api({
  key: 8,
  name: 'OffsetCommit',
  listeners: ['broker'],
  request: OffsetCommitRequest,
  response: OffsetCommitResponse,
})
