/** Metadata log: topics and their partitions. */
import { array, int8, int32, message, string, uuid, type ValueOf } from '../../schema.ts'

export const TopicRecord = message(
  'TopicRecord',
  { type: 2, versions: '0', flexible: 0 },
  { name: string({ entity: 'topicName' }), topicId: uuid() },
)

export interface TopicRecord extends ValueOf<typeof TopicRecord> {}

export const RemoveTopicRecord = message('RemoveTopicRecord', { type: 9, versions: '0', flexible: 0 }, { topicId: uuid() })

export interface RemoveTopicRecord extends ValueOf<typeof RemoveTopicRecord> {}

export const PartitionRecord = message(
  'PartitionRecord',
  { type: 3, versions: '0-2', flexible: 0 },
  {
    partitionId: int32({ default: -1 }),
    topicId: uuid(),
    replicas: array({ entity: 'brokerId' }, int32()),
    isr: array(int32()),
    removingReplicas: array({ entity: 'brokerId' }, int32()),
    addingReplicas: array({ entity: 'brokerId' }, int32()),
    leader: int32({ default: -1, entity: 'brokerId' }),
    leaderRecoveryState: int8({ tag: 0 }),
    leaderEpoch: int32({ default: -1 }),
    partitionEpoch: int32({ default: -1 }),
    directories: array({ since: 1 }, uuid()),
    eligibleLeaderReplicas: array({ tag: 1, since: 2, nullable: true, default: null, entity: 'brokerId' }, int32()),
    lastKnownElr: array({ tag: 2, since: 2, nullable: true, default: null, entity: 'brokerId' }, int32()),
  },
)

export interface PartitionRecord extends ValueOf<typeof PartitionRecord> {}

export const PartitionChangeRecord = message(
  'PartitionChangeRecord',
  { type: 5, versions: '0-2', flexible: 0 },
  {
    partitionId: int32({ default: -1 }),
    topicId: uuid(),
    isr: array({ tag: 0, nullable: true, default: null, entity: 'brokerId' }, int32()),
    leader: int32({ tag: 1, default: -2, entity: 'brokerId' }),
    replicas: array({ tag: 2, nullable: true, default: null, entity: 'brokerId' }, int32()),
    removingReplicas: array({ tag: 3, nullable: true, default: null, entity: 'brokerId' }, int32()),
    addingReplicas: array({ tag: 4, nullable: true, default: null, entity: 'brokerId' }, int32()),
    leaderRecoveryState: int8({ tag: 5, default: -1 }),
    directories: array({ tag: 8, since: 1, nullable: true, default: null }, uuid()),
    eligibleLeaderReplicas: array({ tag: 6, since: 2, nullable: true, default: null, entity: 'brokerId' }, int32()),
    lastKnownElr: array({ tag: 7, since: 2, nullable: true, default: null, entity: 'brokerId' }, int32()),
  },
)

export interface PartitionChangeRecord extends ValueOf<typeof PartitionChangeRecord> {}

export const ClearElrRecord = message(
  'ClearElrRecord',
  { type: 28, versions: '0', flexible: 0 },
  { topicName: string({ entity: 'topicName' }) },
)

export interface ClearElrRecord extends ValueOf<typeof ClearElrRecord> {}
