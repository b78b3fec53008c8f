/**
 * TxnOffsetCommit (key 28): commits offsets of a group within a transaction. 4 only allows TRANSACTION_ABORTABLE; from 5 the
 * group is added to the transaction by itself.
 */
import { api } from '../api.ts'
import { array, int16, int32, int64, message, string, uuid, type ValueOf } from '../schema.ts'

export const TxnOffsetCommitRequest = message(
  'TxnOffsetCommitRequest',
  { versions: '0-6', flexible: 3 },
  {
    transactionalId: string({ entity: 'transactionalId' }),
    groupId: string({ entity: 'groupId' }),
    producerId: int64({ entity: 'producerId' }),
    producerEpoch: int16(),
    generationIdOrMemberEpoch: int32({ since: 3, default: -1 }),
    memberId: string({ since: 3 }),
    groupInstanceId: string({ since: 3, nullable: true, default: null }),
    topics: array({
      name: string({ until: 5, ignorable: true, entity: 'topicName' }),
      topicId: uuid({ since: 6, ignorable: true }),
      partitions: array({
        partitionIndex: int32(),
        committedOffset: int64(),
        committedLeaderEpoch: int32({ since: 2, default: -1, ignorable: true }),
        committedMetadata: string({ nullable: true }),
      }),
    }),
  },
)

export interface TxnOffsetCommitRequest extends ValueOf<typeof TxnOffsetCommitRequest> {}

export const TxnOffsetCommitResponse = message(
  'TxnOffsetCommitResponse',
  { versions: '0-6', flexible: 3 },
  {
    throttleTimeMs: int32(),
    topics: array({
      name: string({ until: 5, ignorable: true, entity: 'topicName' }),
      topicId: uuid({ since: 6, ignorable: true }),
      partitions: array({ partitionIndex: int32(), errorCode: int16() }),
    }),
  },
)

export interface TxnOffsetCommitResponse extends ValueOf<typeof TxnOffsetCommitResponse> {}

export const TxnOffsetCommit = api({
  key: 28,
  name: 'TxnOffsetCommit',
  versions: '0-5',
  listeners: ['broker'],
  request: TxnOffsetCommitRequest,
  response: TxnOffsetCommitResponse,
})
