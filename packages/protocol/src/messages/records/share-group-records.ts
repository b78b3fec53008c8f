/** Topic `__consumer_offsets`: share groups (KIP-932). */
import { array, int8, int32, int64, message, string, uuid, type ValueOf } from '../../schema.ts'

export const ShareGroupMetadataKey = message('ShareGroupMetadataKey', { type: 11, versions: '0' }, { groupId: string() })

export interface ShareGroupMetadataKey extends ValueOf<typeof ShareGroupMetadataKey> {}

export const ShareGroupMetadataValue = message(
  'ShareGroupMetadataValue',
  { type: 11, versions: '0', flexible: 0 },
  { epoch: int32(), metadataHash: int64() },
)

export interface ShareGroupMetadataValue extends ValueOf<typeof ShareGroupMetadataValue> {}

export const ShareGroupMemberMetadataKey = message(
  'ShareGroupMemberMetadataKey',
  { type: 10, versions: '0' },
  { groupId: string(), memberId: string() },
)

export interface ShareGroupMemberMetadataKey extends ValueOf<typeof ShareGroupMemberMetadataKey> {}

export const ShareGroupMemberMetadataValue = message(
  'ShareGroupMemberMetadataValue',
  { type: 10, versions: '0', flexible: 0 },
  { rackId: string({ nullable: true }), clientId: string(), clientHost: string(), subscribedTopicNames: array(string()) },
)

export interface ShareGroupMemberMetadataValue extends ValueOf<typeof ShareGroupMemberMetadataValue> {}

export const ShareGroupTargetAssignmentMetadataKey = message(
  'ShareGroupTargetAssignmentMetadataKey',
  { type: 12, versions: '0' },
  { groupId: string() },
)

export interface ShareGroupTargetAssignmentMetadataKey extends ValueOf<typeof ShareGroupTargetAssignmentMetadataKey> {}

export const ShareGroupTargetAssignmentMetadataValue = message(
  'ShareGroupTargetAssignmentMetadataValue',
  { type: 12, versions: '0', flexible: 0 },
  { assignmentEpoch: int32(), assignmentTimestamp: int64({ tag: 0, ignorable: true }) },
)

export interface ShareGroupTargetAssignmentMetadataValue extends ValueOf<typeof ShareGroupTargetAssignmentMetadataValue> {}

export const ShareGroupTargetAssignmentMemberKey = message(
  'ShareGroupTargetAssignmentMemberKey',
  { type: 13, versions: '0' },
  { groupId: string(), memberId: string() },
)

export interface ShareGroupTargetAssignmentMemberKey extends ValueOf<typeof ShareGroupTargetAssignmentMemberKey> {}

export const ShareGroupTargetAssignmentMemberValue = message(
  'ShareGroupTargetAssignmentMemberValue',
  { type: 13, versions: '0', flexible: 0 },
  { topicPartitions: array({ topicId: uuid(), partitions: array(int32()) }) },
)

export interface ShareGroupTargetAssignmentMemberValue extends ValueOf<typeof ShareGroupTargetAssignmentMemberValue> {}

export const ShareGroupCurrentMemberAssignmentKey = message(
  'ShareGroupCurrentMemberAssignmentKey',
  { type: 14, versions: '0' },
  { groupId: string(), memberId: string() },
)

export interface ShareGroupCurrentMemberAssignmentKey extends ValueOf<typeof ShareGroupCurrentMemberAssignmentKey> {}

const shareGroupCurrentMemberAssignmentValueTopicPartitions = { topicId: uuid(), partitions: array(int32()) } as const

export const ShareGroupCurrentMemberAssignmentValue = message(
  'ShareGroupCurrentMemberAssignmentValue',
  { type: 14, versions: '0', flexible: 0 },
  {
    memberEpoch: int32(),
    previousMemberEpoch: int32(),
    state: int8(),
    assignedPartitions: array(shareGroupCurrentMemberAssignmentValueTopicPartitions),
  },
)

export interface ShareGroupCurrentMemberAssignmentValue extends ValueOf<typeof ShareGroupCurrentMemberAssignmentValue> {}

export const ShareGroupStatePartitionMetadataKey = message(
  'ShareGroupStatePartitionMetadataKey',
  { type: 15, versions: '0' },
  { groupId: string() },
)

export interface ShareGroupStatePartitionMetadataKey extends ValueOf<typeof ShareGroupStatePartitionMetadataKey> {}

const shareGroupStatePartitionMetadataValueTopicPartitionsInfo = {
  topicId: uuid(),
  topicName: string(),
  partitions: array(int32()),
} as const

const shareGroupStatePartitionMetadataValueTopicInfo = { topicId: uuid(), topicName: string() } as const

export const ShareGroupStatePartitionMetadataValue = message(
  'ShareGroupStatePartitionMetadataValue',
  { type: 15, versions: '0', flexible: 0 },
  {
    initializingTopics: array(shareGroupStatePartitionMetadataValueTopicPartitionsInfo),
    initializedTopics: array(shareGroupStatePartitionMetadataValueTopicPartitionsInfo),
    deletingTopics: array(shareGroupStatePartitionMetadataValueTopicInfo),
  },
)

export interface ShareGroupStatePartitionMetadataValue extends ValueOf<typeof ShareGroupStatePartitionMetadataValue> {}
