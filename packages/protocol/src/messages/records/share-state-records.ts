/** Topic `__share_group_state`: delivery state of share partitions, a snapshot and the updates since. */
import { array, int8, int16, int32, int64, message, string, uuid, type ValueOf } from '../../schema.ts'

export const ShareSnapshotKey = message(
  'ShareSnapshotKey',
  { type: 0, versions: '0' },
  { groupId: string(), topicId: uuid(), partition: int32() },
)

export interface ShareSnapshotKey extends ValueOf<typeof ShareSnapshotKey> {}

export const ShareSnapshotValue = message(
  'ShareSnapshotValue',
  { type: 0, versions: '0', flexible: 0 },
  {
    snapshotEpoch: int32(),
    stateEpoch: int32(),
    leaderEpoch: int32(),
    startOffset: int64(),
    deliveryCompleteCount: int32({ tag: 0, default: -1 }),
    createTimestamp: int64(),
    writeTimestamp: int64(),
    stateBatches: array({ firstOffset: int64(), lastOffset: int64(), deliveryState: int8(), deliveryCount: int16() }),
  },
)

export interface ShareSnapshotValue extends ValueOf<typeof ShareSnapshotValue> {}

export const ShareUpdateKey = message(
  'ShareUpdateKey',
  { type: 1, versions: '0' },
  { groupId: string(), topicId: uuid(), partition: int32() },
)

export interface ShareUpdateKey extends ValueOf<typeof ShareUpdateKey> {}

export const ShareUpdateValue = message(
  'ShareUpdateValue',
  { type: 1, versions: '0', flexible: 0 },
  {
    snapshotEpoch: int32(),
    leaderEpoch: int32(),
    startOffset: int64(),
    deliveryCompleteCount: int32({ tag: 0, default: -1 }),
    stateBatches: array({ firstOffset: int64(), lastOffset: int64(), deliveryState: int8(), deliveryCount: int16() }),
  },
)

export interface ShareUpdateValue extends ValueOf<typeof ShareUpdateValue> {}
