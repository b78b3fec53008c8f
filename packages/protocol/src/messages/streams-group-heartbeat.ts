/** StreamsGroupHeartbeat (key 88): the heartbeat of streams group members (KIP-1071): topology up, tasks down. */
import { api } from '../api.ts'
import { array, bool, int8, int16, int32, int64, message, string, struct, uint16, type ValueOf } from '../schema.ts'

const streamsGroupHeartbeatRequestKeyValue = { key: string(), value: string() } as const

const streamsGroupHeartbeatRequestTopicInfo = {
  name: string({ entity: 'topicName' }),
  partitions: int32(),
  replicationFactor: int16(),
  topicConfigs: array(streamsGroupHeartbeatRequestKeyValue),
} as const

const streamsGroupHeartbeatRequestTaskIds = { subtopologyId: string(), partitions: array(int32()) } as const

const streamsGroupHeartbeatRequestEndpoint = { host: string(), port: uint16() } as const

const streamsGroupHeartbeatRequestTaskOffset = { subtopologyId: string(), partition: int32(), offset: int64() } as const

export const StreamsGroupHeartbeatRequest = message(
  'StreamsGroupHeartbeatRequest',
  { versions: '0-1', flexible: 0 },
  {
    groupId: string({ entity: 'groupId' }),
    memberId: string(),
    memberEpoch: int32(),
    endpointInformationEpoch: int32(),
    instanceId: string({ nullable: true, default: null }),
    rackId: string({ nullable: true, default: null }),
    rebalanceTimeoutMs: int32({ default: -1 }),
    topology: struct(
      { nullable: true, default: null },
      {
        epoch: int32(),
        subtopologies: array({
          subtopologyId: string(),
          sourceTopics: array({ entity: 'topicName' }, string()),
          sourceTopicRegex: array(string()),
          stateChangelogTopics: array(streamsGroupHeartbeatRequestTopicInfo),
          repartitionSinkTopics: array({ entity: 'topicName' }, string()),
          repartitionSourceTopics: array(streamsGroupHeartbeatRequestTopicInfo),
          copartitionGroups: array({
            sourceTopics: array(int16()),
            sourceTopicRegex: array(int16()),
            repartitionSourceTopics: array(int16()),
          }),
        }),
      },
    ),
    activeTasks: array({ nullable: true, default: null }, streamsGroupHeartbeatRequestTaskIds),
    standbyTasks: array({ nullable: true, default: null }, streamsGroupHeartbeatRequestTaskIds),
    warmupTasks: array({ nullable: true, default: null }, streamsGroupHeartbeatRequestTaskIds),
    processId: string({ nullable: true, default: null }),
    userEndpoint: struct({ nullable: true, default: null }, streamsGroupHeartbeatRequestEndpoint),
    clientTags: array({ nullable: true, default: null }, streamsGroupHeartbeatRequestKeyValue),
    taskOffsets: array({ nullable: true, default: null }, streamsGroupHeartbeatRequestTaskOffset),
    taskEndOffsets: array({ nullable: true, default: null }, streamsGroupHeartbeatRequestTaskOffset),
    shutdownApplication: bool(),
  },
)

export interface StreamsGroupHeartbeatRequest extends ValueOf<typeof StreamsGroupHeartbeatRequest> {}

const streamsGroupHeartbeatResponseStatus = { statusCode: int8(), statusDetail: string() } as const

const streamsGroupHeartbeatResponseTaskIds = { subtopologyId: string(), partitions: array(int32()) } as const

const streamsGroupHeartbeatResponseEndpoint = { host: string(), port: uint16() } as const

const streamsGroupHeartbeatResponseTopicPartition = {
  topic: string({ entity: 'topicName' }),
  partitions: array(int32()),
} as const

export const StreamsGroupHeartbeatResponse = message(
  'StreamsGroupHeartbeatResponse',
  { versions: '0-1', flexible: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: true, default: null }),
    memberId: string(),
    memberEpoch: int32(),
    heartbeatIntervalMs: int32(),
    acceptableRecoveryLagLegacy: int32({ until: 0 }),
    taskOffsetIntervalMs: int32(),
    acceptableRecoveryLag: int64({ since: 1, default: -1, ignorable: true }),
    status: array({ nullable: true }, streamsGroupHeartbeatResponseStatus),
    activeTasks: array({ nullable: true, default: null }, streamsGroupHeartbeatResponseTaskIds),
    standbyTasks: array({ nullable: true, default: null }, streamsGroupHeartbeatResponseTaskIds),
    warmupTasks: array({ nullable: true, default: null }, streamsGroupHeartbeatResponseTaskIds),
    topologyDescriptionRequired: bool({ since: 1 }),
    endpointInformationEpoch: int32(),
    partitionsByUserEndpoint: array(
      { nullable: true, default: null },
      {
        userEndpoint: struct(streamsGroupHeartbeatResponseEndpoint),
        activePartitions: array(streamsGroupHeartbeatResponseTopicPartition),
        standbyPartitions: array(streamsGroupHeartbeatResponseTopicPartition),
      },
    ),
  },
)

export interface StreamsGroupHeartbeatResponse extends ValueOf<typeof StreamsGroupHeartbeatResponse> {}

export const StreamsGroupHeartbeat = api({
  key: 88,
  name: 'StreamsGroupHeartbeat',
  versions: '0',
  listeners: ['broker'],
  request: StreamsGroupHeartbeatRequest,
  response: StreamsGroupHeartbeatResponse,
})
