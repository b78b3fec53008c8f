import { ErrorCode, type FetchRequest } from '@millrace/protocol'
import type { MetadataView } from '../services.ts'
import {
  type FetchOutcome,
  type FetchSession,
  type FetchTarget,
  newSessionEpoch,
  nextSessionEpoch,
  sessionlessEpoch,
} from './session.ts'
import type { FetchSessionCache } from './session-cache.ts'

export const topicIdsSince = 13

/** What a request asks for once its session has been consulted. */
export interface FetchContext {
  /** In the order in which they are served. */
  readonly targets: readonly FetchTarget[]
  /** Incremental: only partitions with news are answered. */
  readonly session: FetchSession | null
  /** A new session is to be made when the answer is. */
  readonly wantsSession: boolean
}

/** Finds the session of a request, brings it up to date, and says what to read. A number is the error code to answer (KIP-227). */
export function fetchContext(
  request: FetchRequest,
  options: { apiVersion: number; metadata: MetadataView; sessions: FetchSessionCache; nowMs: number },
): FetchContext | number {
  const { apiVersion, metadata, sessions, nowMs } = options
  const usesTopicIds = apiVersion >= topicIdsSince
  const { sessionId, sessionEpoch } = request
  if (sessionEpoch === sessionlessEpoch || sessionEpoch === newSessionEpoch) {
    if (sessionId !== 0) sessions.remove(sessionId)
    return { targets: targetsOf(request, usesTopicIds, metadata), session: null, wantsSession: sessionEpoch === newSessionEpoch }
  }
  const session = sessions.get(sessionId)
  if (session === undefined) return ErrorCode.FETCH_SESSION_ID_NOT_FOUND
  if (session.expectedEpoch !== sessionEpoch) return ErrorCode.INVALID_FETCH_SESSION_EPOCH
  if (session.usesTopicIds !== usesTopicIds) return ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR
  session.expectedEpoch = nextSessionEpoch(sessionEpoch)
  session.lastUsedMs = nowMs
  for (const { topic, topicId, partitions } of request.forgottenTopicsData)
    for (const partition of partitions) session.forget(topic, topicId, partition)
  for (const target of targetsOf(request, usesTopicIds, metadata)) session.update(target)
  if (session.partitionCount === 0) sessions.remove(sessionId)
  return { targets: session.targets(topicId => metadata.topicById(topicId)?.name ?? ''), session, wantsSession: false }
}

/** What a request names, with the names that topic ids have now (empty for none). */
export function targetsOf(request: FetchRequest, usesTopicIds: boolean, metadata: MetadataView): FetchTarget[] {
  const targets: FetchTarget[] = []
  for (const { topic, topicId, partitions } of request.topics) {
    const name = usesTopicIds ? (metadata.topicById(topicId)?.name ?? '') : topic
    for (const asked of partitions)
      targets.push({
        topic: name,
        topicId,
        partition: asked.partition,
        fetchOffset: asked.fetchOffset,
        currentLeaderEpoch: asked.currentLeaderEpoch,
        lastFetchedEpoch: asked.lastFetchedEpoch,
        logStartOffset: asked.logStartOffset,
        maxBytes: asked.partitionMaxBytes,
      })
  }
  return targets
}

/** Notes the answers in the session, or makes the session that was asked for. Returns the session's id (0: none) and which answers to send. */
export function concludeFetch<Answer extends FetchOutcome & { readonly target: FetchTarget }>(
  context: FetchContext,
  answers: readonly Answer[],
  options: { usesTopicIds: boolean; isPrivileged: boolean; sessions: FetchSessionCache; nowMs: number },
): { sessionId: number; answers: readonly Answer[] } {
  const { session } = context
  if (session !== null) {
    const isAlive = options.sessions.get(session.id) === session
    return { sessionId: isAlive ? session.id : 0, answers: answers.filter(answer => session.note(answer.target, answer)) }
  }
  const created = context.wantsSession ? options.sessions.create({ ...options, partitionCount: answers.length }) : null
  if (created === null) return { sessionId: 0, answers }
  for (const { target } of answers) created.update(target)
  for (const answer of answers) created.note(answer.target, answer)
  return { sessionId: created.id, answers }
}
