/** Topic `__consumer_offsets`: committed offsets. Type 0 is the oldest form; brokers read it and no longer write it. */
import { int32, int64, message, string, uuid, type ValueOf } from '../../schema.ts'

export const LegacyOffsetCommitKey = message(
  'LegacyOffsetCommitKey',
  { type: 0, versions: '0' },
  { group: string(), topic: string(), partition: int32() },
)

export interface LegacyOffsetCommitKey extends ValueOf<typeof LegacyOffsetCommitKey> {}

export const LegacyOffsetCommitValue = message(
  'LegacyOffsetCommitValue',
  { type: 0, versions: '0' },
  { offset: int64(), metadata: string(), commitTimestamp: int64() },
)

export interface LegacyOffsetCommitValue extends ValueOf<typeof LegacyOffsetCommitValue> {}

export const OffsetCommitKey = message(
  'OffsetCommitKey',
  { type: 1, versions: '0' },
  { group: string(), topic: string(), partition: int32() },
)

export interface OffsetCommitKey extends ValueOf<typeof OffsetCommitKey> {}

export const OffsetCommitValue = message(
  'OffsetCommitValue',
  { type: 1, versions: '0-4', flexible: 4 },
  {
    offset: int64(),
    leaderEpoch: int32({ since: 3, default: -1, ignorable: true }),
    metadata: string(),
    commitTimestamp: int64(),
    expireTimestamp: int64({ since: 1, until: 1, default: -1, ignorable: true }),
    topicId: uuid({ tag: 0, since: 4, ignorable: true }),
  },
)

export interface OffsetCommitValue extends ValueOf<typeof OffsetCommitValue> {}
