import { type DeleteTopicsRequest, type DeleteTopicsResponse, type ElementOf, ErrorCode } from '@millrace/protocol'
import { nodeKeys } from '../config/node-keys.ts'
import { type ControllerState, type Decision, maxRecordsPerChange, orRefusal, Refusal } from './decision.ts'
import type { MetadataRecord } from './metadata-record.ts'
import type { TopicImage } from './partition-image.ts'

type Deletable = ElementOf<DeleteTopicsRequest['topics']>
type Result = ElementOf<DeleteTopicsResponse['responses']>

const noTopicId = 'AAAAAAAAAAAAAAAAAAAAAA'

/** DeleteTopics, by name or, from version 6 on, by id. */
export function decideDeleteTopics(
  state: ControllerState,
  request: DeleteTopicsRequest,
  version: number,
): Decision<DeleteTopicsResponse> {
  const wanted = version >= 6 ? request.topics : request.topicNames.map(name => ({ name, topicId: noTopicId }))
  if (!state.config.get(nodeKeys.deleteTopicEnable)) {
    const errorCode = version >= 3 ? ErrorCode.TOPIC_DELETION_DISABLED : ErrorCode.INVALID_REQUEST
    const responses = wanted.map(topic => failed(topic, errorCode, 'Topic deletion is disabled.'))
    return { records: [], response: { throttleTimeMs: 0, responses } }
  }
  const records: MetadataRecord[] = []
  const seen = new Set<string>()
  const responses = wanted.map(topic =>
    orRefusal(
      (): Result => {
        const { name, topicId } = find(state, topic)
        if (seen.has(topicId)) throw new Refusal(ErrorCode.INVALID_REQUEST, 'The topic appears twice in the request.')
        seen.add(topicId)
        if (records.length === maxRecordsPerChange)
          throw new Refusal(ErrorCode.POLICY_VIOLATION, `At most ${maxRecordsPerChange} topics are deleted at once.`)
        records.push({ type: 'RemoveTopicRecord', value: { topicId } })
        return { name, topicId, errorCode: ErrorCode.NONE, errorMessage: null }
      },
      refusal => failed(topic, refusal.errorCode, refusal.message),
    ),
  )
  return { records, response: { throttleTimeMs: 0, responses } }
}

function find({ image }: ControllerState, { name, topicId }: Deletable): TopicImage {
  if (name !== null) {
    if (topicId !== noTopicId) throw new Refusal(ErrorCode.INVALID_REQUEST, 'Give the name of a topic or its id, not both.')
    const topic = image.topic(name)
    if (!topic) throw new Refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, 'This server does not host this topic-partition.')
    return topic
  }
  if (topicId === noTopicId) throw new Refusal(ErrorCode.INVALID_REQUEST, 'Give the name of a topic or its id.')
  const topic = image.topicById(topicId)
  if (!topic) throw new Refusal(ErrorCode.UNKNOWN_TOPIC_ID, 'This server does not host this topic ID.')
  return topic
}

function failed({ name, topicId }: Deletable, errorCode: number, errorMessage: string): Result {
  return { name, topicId, errorCode, errorMessage }
}
