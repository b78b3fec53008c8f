/**
 * StreamsGroupTopologyDescriptionUpdate (key 93): a streams application describes its topology. Kafka 4.4; declared, not spoken.
 */
import { api } from '../api.ts'
import { array, int8, int16, int32, message, string, struct, type ValueOf } from '../schema.ts'

const streamsGroupTopologyDescriptionUpdateRequestTopologyDescriptionNode = {
  name: string(),
  nodeType: int8(),
  sourceTopics: array({ entity: 'topicName' }, string()),
  sinkTopic: string({ nullable: true, default: null, entity: 'topicName' }),
  stores: array(string()),
  successors: array(string()),
} as const

const streamsGroupTopologyDescriptionUpdateRequestTopologyDescriptionSubtopology = {
  subtopologyId: string(),
  nodes: array(streamsGroupTopologyDescriptionUpdateRequestTopologyDescriptionNode),
} as const

const streamsGroupTopologyDescriptionUpdateRequestTopologyDescriptionGlobalStore = {
  source: struct(streamsGroupTopologyDescriptionUpdateRequestTopologyDescriptionNode),
  processor: struct(streamsGroupTopologyDescriptionUpdateRequestTopologyDescriptionNode),
} as const

const streamsGroupTopologyDescriptionUpdateRequestTopologyDescription = {
  subtopologies: array(streamsGroupTopologyDescriptionUpdateRequestTopologyDescriptionSubtopology),
  globalStores: array(streamsGroupTopologyDescriptionUpdateRequestTopologyDescriptionGlobalStore),
} as const

export const StreamsGroupTopologyDescriptionUpdateRequest = message(
  'StreamsGroupTopologyDescriptionUpdateRequest',
  { versions: '0', flexible: 0 },
  {
    groupId: string({ entity: 'groupId' }),
    memberId: string(),
    topologyEpoch: int32(),
    topologyDescription: struct(streamsGroupTopologyDescriptionUpdateRequestTopologyDescription),
  },
)

export interface StreamsGroupTopologyDescriptionUpdateRequest
  extends ValueOf<typeof StreamsGroupTopologyDescriptionUpdateRequest> {}

export const StreamsGroupTopologyDescriptionUpdateResponse = message(
  'StreamsGroupTopologyDescriptionUpdateResponse',
  { versions: '0', flexible: 0 },
  { throttleTimeMs: int32(), errorCode: int16(), errorMessage: string({ nullable: true, default: null }) },
)

export interface StreamsGroupTopologyDescriptionUpdateResponse
  extends ValueOf<typeof StreamsGroupTopologyDescriptionUpdateResponse> {}

export const StreamsGroupTopologyDescriptionUpdate = api({
  key: 93,
  name: 'StreamsGroupTopologyDescriptionUpdate',
  versions: 'none',
  listeners: ['broker'],
  request: StreamsGroupTopologyDescriptionUpdateRequest,
  response: StreamsGroupTopologyDescriptionUpdateResponse,
})
