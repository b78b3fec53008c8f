import {
  type Draft,
  ErrorCode,
  errorOf,
  KafkaError,
  type ProduceRequest,
  type ProduceResponse,
  zeroUuid,
} from '@millrace/protocol'
import { DisconnectedError, isRetriable } from '../errors.ts'
import type { Metadata } from '../network/metadata.ts'
import type { ProducerBatch } from './producer-batch.ts'

/** What has become of a batch that was sent. */
export interface Outcome {
  readonly error: Error | null
  /** The broker has said so: an attempt with another outcome may have been written. */
  readonly isCertain: boolean
  readonly baseOffset: number
  readonly logAppendTimeMs: number
}

/** Of a batch that nobody answers for. */
export const success: Outcome = { error: null, isCertain: true, baseOffset: -1, logAppendTimeMs: -1 }

/** Batches as a Produce request has them; without the ids of all topics it must name them, as versions up to 12 do. */
export function produceTopics(
  batches: readonly ProducerBatch[],
  metadata: Metadata,
): { topicData: Draft<ProduceRequest>['topicData']; allHaveIds: boolean } {
  const byTopic = new Map<string, ProducerBatch[]>()
  for (const batch of batches) {
    const list = byTopic.get(batch.queue.topic.name)
    if (list) list.push(batch)
    else byTopic.set(batch.queue.topic.name, [batch])
  }
  let allHaveIds = true
  const topicData = [...byTopic].map(([name, list]) => {
    const topicId = metadata.topic(name)?.topicId ?? zeroUuid
    if (topicId === zeroUuid) allHaveIds = false
    return { name, topicId, partitionData: list.map(batch => ({ index: batch.queue.index, records: batch.finish() })) }
  })
  return { topicData, allHaveIds }
}

/** Tells what an answer says of each batch, after `metadata` has heard who leads instead. */
export function readOutcomes(
  batches: readonly ProducerBatch[],
  response: ProduceResponse,
  metadata: Metadata,
  settle: (batch: ProducerBatch, outcome: Outcome) => void,
): void {
  const missing = new Set(batches)
  for (const { name, topicId, partitionResponses } of response.responses) {
    const topic = name === '' ? metadata.nameOf(topicId) : name
    for (const answer of partitionResponses) {
      const batch = batches.find(({ queue }) => queue.index === answer.index && queue.topic.name === topic)
      if (!batch || !missing.delete(batch)) continue
      const { errorCode, errorMessage, baseOffset, logAppendTimeMs, recordErrors, currentLeader } = answer
      const where = `${topic}-${answer.index}`
      const first = recordErrors[0]
      const detail = first ? `record ${first.batchIndex}: ${first.batchIndexErrorMessage ?? errorMessage}` : errorMessage
      const error = errorCode === ErrorCode.NONE ? null : errorOf(errorCode, detail === null ? null : `${detail} (${where})`)
      if (error && currentLeader.leaderId >= 0) {
        const endpoint = response.nodeEndpoints.find(({ nodeId }) => nodeId === currentLeader.leaderId)
        metadata.applyLeaderHint(topic!, answer.index, currentLeader.leaderId, currentLeader.leaderEpoch, endpoint)
      }
      settle(batch, { error, isCertain: true, baseOffset, logAppendTimeMs })
    }
  }
  // Topics that were deleted or made again meanwhile have an id that nobody knows any more.
  for (const batch of missing)
    settle(batch, {
      ...success,
      error: new DisconnectedError('The broker left a batch without an answer'),
      isCertain: false,
    })
}

/** No answer came: what has become of the batches is not known, unless the error says so. */
export function unanswered(error: Error): Outcome {
  // What can't be sent at all (an unsupported version, a value that does not encode) was not written either.
  const isCertain = !isRetriable(error) && error instanceof KafkaError
  return { ...success, error: isRetriable(error) || isCertain ? error : new DisconnectedError(error.message, error), isCertain }
}
