/** Topic `__consumer_offsets`: consumer groups (KIP-848), one record for each aspect of a group and of a member. */
import { array, bytes, int8, int32, int64, message, string, struct, uuid, type ValueOf } from '../../schema.ts'

export const ConsumerGroupMetadataKey = message('ConsumerGroupMetadataKey', { type: 3, versions: '0' }, { groupId: string() })

export interface ConsumerGroupMetadataKey extends ValueOf<typeof ConsumerGroupMetadataKey> {}

export const ConsumerGroupMetadataValue = message(
  'ConsumerGroupMetadataValue',
  { type: 3, versions: '0', flexible: 0 },
  { epoch: int32(), metadataHash: int64({ tag: 0 }) },
)

export interface ConsumerGroupMetadataValue extends ValueOf<typeof ConsumerGroupMetadataValue> {}

export const ConsumerGroupPartitionMetadataKey = message(
  'ConsumerGroupPartitionMetadataKey',
  { type: 4, versions: '0' },
  { groupId: string() },
)

export interface ConsumerGroupPartitionMetadataKey extends ValueOf<typeof ConsumerGroupPartitionMetadataKey> {}

export const ConsumerGroupPartitionMetadataValue = message(
  'ConsumerGroupPartitionMetadataValue',
  { type: 4, versions: '0', flexible: 0 },
  {
    topics: array({
      topicId: uuid(),
      topicName: string(),
      numPartitions: int32(),
      partitionMetadata: array({ partition: int32(), racks: array(string()) }),
    }),
  },
)

export interface ConsumerGroupPartitionMetadataValue extends ValueOf<typeof ConsumerGroupPartitionMetadataValue> {}

export const ConsumerGroupMemberMetadataKey = message(
  'ConsumerGroupMemberMetadataKey',
  { type: 5, versions: '0' },
  { groupId: string(), memberId: string() },
)

export interface ConsumerGroupMemberMetadataKey extends ValueOf<typeof ConsumerGroupMemberMetadataKey> {}

export const ConsumerGroupMemberMetadataValue = message(
  'ConsumerGroupMemberMetadataValue',
  { type: 5, versions: '0', flexible: 0 },
  {
    instanceId: string({ nullable: true }),
    rackId: string({ nullable: true }),
    clientId: string(),
    clientHost: string(),
    subscribedTopicNames: array(string()),
    subscribedTopicRegex: string({ nullable: true }),
    rebalanceTimeoutMs: int32({ default: -1 }),
    serverAssignor: string({ nullable: true }),
    classicMemberMetadata: struct(
      { tag: 0, nullable: true },
      { sessionTimeoutMs: int32(), supportedProtocols: array({ name: string(), metadata: bytes() }) },
    ),
  },
)

export interface ConsumerGroupMemberMetadataValue extends ValueOf<typeof ConsumerGroupMemberMetadataValue> {}

export const ConsumerGroupTargetAssignmentMetadataKey = message(
  'ConsumerGroupTargetAssignmentMetadataKey',
  { type: 6, versions: '0' },
  { groupId: string() },
)

export interface ConsumerGroupTargetAssignmentMetadataKey extends ValueOf<typeof ConsumerGroupTargetAssignmentMetadataKey> {}

export const ConsumerGroupTargetAssignmentMetadataValue = message(
  'ConsumerGroupTargetAssignmentMetadataValue',
  { type: 6, versions: '0', flexible: 0 },
  { assignmentEpoch: int32(), assignmentTimestamp: int64({ tag: 0, ignorable: true }) },
)

export interface ConsumerGroupTargetAssignmentMetadataValue extends ValueOf<typeof ConsumerGroupTargetAssignmentMetadataValue> {}

export const ConsumerGroupTargetAssignmentMemberKey = message(
  'ConsumerGroupTargetAssignmentMemberKey',
  { type: 7, versions: '0' },
  { groupId: string(), memberId: string() },
)

export interface ConsumerGroupTargetAssignmentMemberKey extends ValueOf<typeof ConsumerGroupTargetAssignmentMemberKey> {}

export const ConsumerGroupTargetAssignmentMemberValue = message(
  'ConsumerGroupTargetAssignmentMemberValue',
  { type: 7, versions: '0', flexible: 0 },
  { topicPartitions: array({ topicId: uuid(), partitions: array(int32()) }) },
)

export interface ConsumerGroupTargetAssignmentMemberValue extends ValueOf<typeof ConsumerGroupTargetAssignmentMemberValue> {}

export const ConsumerGroupCurrentMemberAssignmentKey = message(
  'ConsumerGroupCurrentMemberAssignmentKey',
  { type: 8, versions: '0' },
  { groupId: string(), memberId: string() },
)

export interface ConsumerGroupCurrentMemberAssignmentKey extends ValueOf<typeof ConsumerGroupCurrentMemberAssignmentKey> {}

const consumerGroupCurrentMemberAssignmentValueTopicPartitions = {
  topicId: uuid(),
  partitions: array(int32()),
  assignmentEpochs: array({ tag: 0, nullable: true }, int32()),
} as const

export const ConsumerGroupCurrentMemberAssignmentValue = message(
  'ConsumerGroupCurrentMemberAssignmentValue',
  { type: 8, versions: '0', flexible: 0 },
  {
    memberEpoch: int32(),
    previousMemberEpoch: int32(),
    state: int8(),
    assignedPartitions: array(consumerGroupCurrentMemberAssignmentValueTopicPartitions),
    partitionsPendingRevocation: array(consumerGroupCurrentMemberAssignmentValueTopicPartitions),
  },
)

export interface ConsumerGroupCurrentMemberAssignmentValue extends ValueOf<typeof ConsumerGroupCurrentMemberAssignmentValue> {}

export const ConsumerGroupRegularExpressionKey = message(
  'ConsumerGroupRegularExpressionKey',
  { type: 16, versions: '0' },
  { groupId: string(), regularExpression: string() },
)

export interface ConsumerGroupRegularExpressionKey extends ValueOf<typeof ConsumerGroupRegularExpressionKey> {}

export const ConsumerGroupRegularExpressionValue = message(
  'ConsumerGroupRegularExpressionValue',
  { type: 16, versions: '0', flexible: 0 },
  { topics: array(string()), version: int64(), timestamp: int64() },
)

export interface ConsumerGroupRegularExpressionValue extends ValueOf<typeof ConsumerGroupRegularExpressionValue> {}
