/** Topic `__consumer_offsets`: streams groups (KIP-1071). */
import { array, int8, int16, int32, int64, message, string, struct, uint16, type ValueOf } from '../../schema.ts'

export const StreamsGroupMetadataKey = message('StreamsGroupMetadataKey', { type: 17, versions: '0' }, { groupId: string() })

export interface StreamsGroupMetadataKey extends ValueOf<typeof StreamsGroupMetadataKey> {}

const streamsGroupMetadataValueLastAssignmentConfig = { key: string(), value: string() } as const

export const StreamsGroupMetadataValue = message(
  'StreamsGroupMetadataValue',
  { type: 17, versions: '0', flexible: 0 },
  {
    epoch: int32(),
    metadataHash: int64(),
    validatedTopologyEpoch: int32({ tag: 0, default: -1 }),
    lastAssignmentConfigs: array({ tag: 1, nullable: true }, streamsGroupMetadataValueLastAssignmentConfig),
    storedDescriptionTopologyEpoch: int32({ tag: 2, default: -1 }),
    failedDescriptionTopologyEpoch: int32({ tag: 3, default: -1 }),
  },
)

export interface StreamsGroupMetadataValue extends ValueOf<typeof StreamsGroupMetadataValue> {}

export const StreamsGroupMemberMetadataKey = message(
  'StreamsGroupMemberMetadataKey',
  { type: 19, versions: '0' },
  { groupId: string(), memberId: string() },
)

export interface StreamsGroupMemberMetadataKey extends ValueOf<typeof StreamsGroupMemberMetadataKey> {}

const streamsGroupMemberMetadataValueEndpoint = { host: string(), port: uint16() } as const

const streamsGroupMemberMetadataValueKeyValue = { key: string(), value: string() } as const

export const StreamsGroupMemberMetadataValue = message(
  'StreamsGroupMemberMetadataValue',
  { type: 19, versions: '0', flexible: 0 },
  {
    instanceId: string({ nullable: true }),
    rackId: string({ nullable: true }),
    clientId: string(),
    clientHost: string(),
    rebalanceTimeoutMs: int32({ default: -1 }),
    topologyEpoch: int32(),
    processId: string(),
    userEndpoint: struct({ nullable: true, default: null }, streamsGroupMemberMetadataValueEndpoint),
    clientTags: array(streamsGroupMemberMetadataValueKeyValue),
  },
)

export interface StreamsGroupMemberMetadataValue extends ValueOf<typeof StreamsGroupMemberMetadataValue> {}

export const StreamsGroupTargetAssignmentMetadataKey = message(
  'StreamsGroupTargetAssignmentMetadataKey',
  { type: 20, versions: '0' },
  { groupId: string() },
)

export interface StreamsGroupTargetAssignmentMetadataKey extends ValueOf<typeof StreamsGroupTargetAssignmentMetadataKey> {}

export const StreamsGroupTargetAssignmentMetadataValue = message(
  'StreamsGroupTargetAssignmentMetadataValue',
  { type: 20, versions: '0', flexible: 0 },
  { assignmentEpoch: int32(), assignmentTimestamp: int64({ tag: 0, ignorable: true }) },
)

export interface StreamsGroupTargetAssignmentMetadataValue extends ValueOf<typeof StreamsGroupTargetAssignmentMetadataValue> {}

export const StreamsGroupTargetAssignmentMemberKey = message(
  'StreamsGroupTargetAssignmentMemberKey',
  { type: 21, versions: '0' },
  { groupId: string(), memberId: string() },
)

export interface StreamsGroupTargetAssignmentMemberKey extends ValueOf<typeof StreamsGroupTargetAssignmentMemberKey> {}

const streamsGroupTargetAssignmentMemberValueTaskIds = { subtopologyId: string(), partitions: array(int32()) } as const

export const StreamsGroupTargetAssignmentMemberValue = message(
  'StreamsGroupTargetAssignmentMemberValue',
  { type: 21, versions: '0', flexible: 0 },
  {
    activeTasks: array(streamsGroupTargetAssignmentMemberValueTaskIds),
    standbyTasks: array(streamsGroupTargetAssignmentMemberValueTaskIds),
    warmupTasks: array(streamsGroupTargetAssignmentMemberValueTaskIds),
  },
)

export interface StreamsGroupTargetAssignmentMemberValue extends ValueOf<typeof StreamsGroupTargetAssignmentMemberValue> {}

export const StreamsGroupCurrentMemberAssignmentKey = message(
  'StreamsGroupCurrentMemberAssignmentKey',
  { type: 22, versions: '0' },
  { groupId: string(), memberId: string() },
)

export interface StreamsGroupCurrentMemberAssignmentKey extends ValueOf<typeof StreamsGroupCurrentMemberAssignmentKey> {}

const streamsGroupCurrentMemberAssignmentValueTaskIds = {
  subtopologyId: string(),
  partitions: array(int32()),
  assignmentEpochs: array({ tag: 0, nullable: true }, int32()),
} as const

export const StreamsGroupCurrentMemberAssignmentValue = message(
  'StreamsGroupCurrentMemberAssignmentValue',
  { type: 22, versions: '0', flexible: 0 },
  {
    memberEpoch: int32(),
    previousMemberEpoch: int32(),
    state: int8(),
    activeTasks: array(streamsGroupCurrentMemberAssignmentValueTaskIds),
    standbyTasks: array(streamsGroupCurrentMemberAssignmentValueTaskIds),
    warmupTasks: array(streamsGroupCurrentMemberAssignmentValueTaskIds),
    activeTasksPendingRevocation: array(streamsGroupCurrentMemberAssignmentValueTaskIds),
    standbyTasksPendingRevocation: array(streamsGroupCurrentMemberAssignmentValueTaskIds),
    warmupTasksPendingRevocation: array(streamsGroupCurrentMemberAssignmentValueTaskIds),
  },
)

export interface StreamsGroupCurrentMemberAssignmentValue extends ValueOf<typeof StreamsGroupCurrentMemberAssignmentValue> {}

export const StreamsGroupTopologyKey = message('StreamsGroupTopologyKey', { type: 23, versions: '0' }, { groupId: string() })

export interface StreamsGroupTopologyKey extends ValueOf<typeof StreamsGroupTopologyKey> {}

const streamsGroupTopologyValueTopicConfig = { key: string(), value: string() } as const

const streamsGroupTopologyValueTopicInfo = {
  name: string(),
  partitions: int32(),
  replicationFactor: int16(),
  topicConfigs: array(streamsGroupTopologyValueTopicConfig),
} as const

export const StreamsGroupTopologyValue = message(
  'StreamsGroupTopologyValue',
  { type: 23, versions: '0', flexible: 0 },
  {
    epoch: int32(),
    subtopologies: array({
      subtopologyId: string(),
      sourceTopics: array(string()),
      sourceTopicRegex: array(string()),
      stateChangelogTopics: array(streamsGroupTopologyValueTopicInfo),
      repartitionSinkTopics: array(string()),
      repartitionSourceTopics: array(streamsGroupTopologyValueTopicInfo),
      copartitionGroups: array({
        sourceTopics: array(int16()),
        sourceTopicRegex: array(int16()),
        repartitionSourceTopics: array(int16()),
      }),
    }),
  },
)

export interface StreamsGroupTopologyValue extends ValueOf<typeof StreamsGroupTopologyValue> {}
