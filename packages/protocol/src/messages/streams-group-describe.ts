/** StreamsGroupDescribe (key 89): topology, members and tasks of streams groups. */
import { api } from '../api.ts'
import { array, bool, int8, int16, int32, int64, message, string, struct, uint16, type ValueOf } from '../schema.ts'

export const StreamsGroupDescribeRequest = message(
  'StreamsGroupDescribeRequest',
  { versions: '0-1', flexible: 0 },
  {
    groupIds: array({ entity: 'groupId' }, string()),
    includeAuthorizedOperations: bool(),
    includeTopologyDescription: bool({ since: 1 }),
  },
)

export interface StreamsGroupDescribeRequest extends ValueOf<typeof StreamsGroupDescribeRequest> {}

const streamsGroupDescribeResponseKeyValue = { key: string(), value: string() } as const

const streamsGroupDescribeResponseTopicInfo = {
  name: string({ entity: 'topicName' }),
  partitions: int32(),
  replicationFactor: int16(),
  topicConfigs: array(streamsGroupDescribeResponseKeyValue),
} as const

const streamsGroupDescribeResponseEndpoint = { host: string(), port: uint16() } as const

const streamsGroupDescribeResponseTaskOffset = { subtopologyId: string(), partition: int32(), offset: int64() } as const

const streamsGroupDescribeResponseTaskIds = { subtopologyId: string(), partitions: array(int32()) } as const

const streamsGroupDescribeResponseAssignment = {
  activeTasks: array(streamsGroupDescribeResponseTaskIds),
  standbyTasks: array(streamsGroupDescribeResponseTaskIds),
  warmupTasks: array(streamsGroupDescribeResponseTaskIds),
} as const

const streamsGroupDescribeResponseTopologyDescriptionNode = {
  name: string(),
  nodeType: int8(),
  sourceTopics: array({ entity: 'topicName' }, string()),
  sinkTopic: string({ nullable: true, default: null, entity: 'topicName' }),
  stores: array(string()),
  successors: array(string()),
} as const

const streamsGroupDescribeResponseTopologyDescriptionSubtopology = {
  subtopologyId: string(),
  nodes: array(streamsGroupDescribeResponseTopologyDescriptionNode),
} as const

const streamsGroupDescribeResponseTopologyDescriptionGlobalStore = {
  source: struct(streamsGroupDescribeResponseTopologyDescriptionNode),
  processor: struct(streamsGroupDescribeResponseTopologyDescriptionNode),
} as const

const streamsGroupDescribeResponseTopologyDescription = {
  subtopologies: array(streamsGroupDescribeResponseTopologyDescriptionSubtopology),
  globalStores: array(streamsGroupDescribeResponseTopologyDescriptionGlobalStore),
} as const

export const StreamsGroupDescribeResponse = message(
  'StreamsGroupDescribeResponse',
  { versions: '0-1', flexible: 0 },
  {
    throttleTimeMs: int32(),
    groups: array({
      errorCode: int16(),
      errorMessage: string({ nullable: true, default: null }),
      groupId: string({ entity: 'groupId' }),
      groupState: string(),
      groupEpoch: int32(),
      assignmentEpoch: int32(),
      topology: struct(
        { nullable: true, default: null },
        {
          epoch: int32(),
          subtopologies: array(
            { nullable: true, default: null },
            {
              subtopologyId: string(),
              sourceTopics: array({ entity: 'topicName' }, string()),
              repartitionSinkTopics: array({ entity: 'topicName' }, string()),
              stateChangelogTopics: array(streamsGroupDescribeResponseTopicInfo),
              repartitionSourceTopics: array(streamsGroupDescribeResponseTopicInfo),
            },
          ),
        },
      ),
      members: array({
        memberId: string(),
        memberEpoch: int32(),
        instanceId: string({ nullable: true, default: null }),
        rackId: string({ nullable: true, default: null }),
        clientId: string(),
        clientHost: string(),
        topologyEpoch: int32(),
        processId: string(),
        userEndpoint: struct({ nullable: true, default: null }, streamsGroupDescribeResponseEndpoint),
        clientTags: array(streamsGroupDescribeResponseKeyValue),
        taskOffsets: array(streamsGroupDescribeResponseTaskOffset),
        taskEndOffsets: array(streamsGroupDescribeResponseTaskOffset),
        assignment: struct(streamsGroupDescribeResponseAssignment),
        targetAssignment: struct(streamsGroupDescribeResponseAssignment),
        isClassic: bool(),
      }),
      authorizedOperations: int32({ default: -2147483648 }),
      topologyDescription: struct({ since: 1, nullable: true, default: null }, streamsGroupDescribeResponseTopologyDescription),
      topologyDescriptionStatus: int8({ since: 1 }),
      assignorName: string({ since: 1, nullable: true, default: null, ignorable: true }),
    }),
  },
)

export interface StreamsGroupDescribeResponse extends ValueOf<typeof StreamsGroupDescribeResponse> {}

export const StreamsGroupDescribe = api({
  key: 89,
  name: 'StreamsGroupDescribe',
  versions: '0',
  listeners: ['broker'],
  request: StreamsGroupDescribeRequest,
  response: StreamsGroupDescribeResponse,
})
