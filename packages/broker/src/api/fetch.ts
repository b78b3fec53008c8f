import { type Draft, ErrorCode, Fetch, type FetchRequest, type FetchResponse } from '@millrace/protocol'
import { AnswerBytes } from '../fetch/answer-bytes.ts'
import { concludeFetch, type FetchContext, fetchContext, topicIdsSince } from '../fetch/fetch-context.ts'
import { FetchWait, type WatchedPartition } from '../fetch/fetch-wait.ts'
import type { FetchTarget } from '../fetch/session.ts'
import type { FetchSessionCache } from '../fetch/session-cache.ts'
import { type FetchedRecords, refusedFetch } from '../partition/fetch-query.ts'
import type { Follower } from '../partition/follower.ts'
import { Leader } from '../partition/leader.ts'
import type { ReplicaSelector } from '../partition/replica-selector.ts'
import type { BrokerServices } from '../services.ts'
import { type FetchedPartition, FetchedTopics, fetchedPartition } from './fetched-topics.ts'
import type { ApiHandler, RequestContext } from './handler.ts'
import { LeaderHints } from './leader-hints.ts'
import { ReplicaFetch, type ReplicaFetchOptions, replicaIdOf } from './replica-fetch.ts'

/** What one partition's turn came to. */
interface Answer extends FetchedRecords {
  readonly target: FetchTarget
  /** Null: refused before it was read. */
  readonly replica: Leader | Follower | null
  readonly diverges: boolean
  /** Broker from which the consumer should read; -1: from this one. */
  readonly preferredReadReplica: number
}

const readCommitted = 1
const leaderHintsSince = 16
/** Consumers from there on may read from followers (KIP-392). */
const followersSince = 11
/** Earlier versions may come from clients that cannot read what a topic with compression.type=zstd holds. */
const zstdSince = 10

export interface FetchOptions extends ReplicaFetchOptions {
  readonly sessions: FetchSessionCache
  /** Where consumers should read, other than here; null: here. */
  readonly selector: ReplicaSelector | null
}

/** Reads batches for consumers below the high watermark, for followers up to the log's end; waits for `minBytes` up to `maxWaitMs` without polling. */
export function fetchHandler(options: FetchOptions): ApiHandler<FetchRequest, Draft<FetchResponse>> {
  return {
    api: Fetch,
    versions: { min: 4, max: 18 },
    handle(request, context, broker) {
      if (replicaIdOf(request) >= 0) return ReplicaFetch.handle(request, context, broker, options)
      const nowMs = broker.world.clock.monotonic()
      const found = fetchContext(request, {
        apiVersion: context.apiVersion,
        metadata: broker.metadata,
        sessions: options.sessions,
        nowMs,
      })
      if (typeof found === 'number') return { errorCode: found }
      return new FetchTask(request, context, broker, options, found).run()
    },
  }
}

class FetchTask {
  readonly #request: FetchRequest
  readonly #context: RequestContext
  readonly #broker: BrokerServices
  readonly #options: FetchOptions
  readonly #fetch: FetchContext
  readonly #answers: Answer[] = []
  readonly #bytes: AnswerBytes
  #readBytes = 0
  /** Whether something was found that must not wait for more bytes. */
  #urgent = false

  constructor(
    request: FetchRequest,
    context: RequestContext,
    broker: BrokerServices,
    options: FetchOptions,
    fetch: FetchContext,
  ) {
    this.#request = request
    this.#context = context
    this.#broker = broker
    this.#options = options
    this.#bytes = new AnswerBytes(options)
    this.#fetch = fetch
  }

  run(): Draft<FetchResponse> | Promise<Draft<FetchResponse>> {
    const watched = this.#readAll()
    const { maxWaitMs, maxBytes } = this.#request
    // As in Kafka, nobody waits for more than an answer may hold.
    const minBytes = Math.min(this.#request.minBytes, maxBytes, this.#options.maxBytes)
    if (maxWaitMs <= 0 || watched.length === 0 || this.#urgent || this.#readBytes >= minBytes) return this.#response()
    return new Promise(resolve => {
      const release = this.#context.connection.whenClosed(() => wait.wake())
      const wait = new FetchWait({
        clock: this.#broker.world.clock,
        partitions: watched,
        missingBytes: minBytes - this.#readBytes,
        maxWaitMs,
        done: () => {
          release()
          this.#readAll()
          resolve(this.#response())
        },
      })
    })
  }

  /** Reads each partition in its turn within the limits of the request. Returns the partitions that may have more later. */
  #readAll(): WatchedPartition[] {
    const watched: WatchedPartition[] = []
    this.#answers.length = 0
    this.#bytes.giveBack()
    this.#readBytes = 0
    this.#urgent = false
    let budget = Math.min(this.#request.maxBytes, this.#options.maxBytes, this.#options.memory.leftBytes)
    for (const target of this.#fetch.targets) {
      const replica = this.#replicaOf(target)
      if (typeof replica === 'number') {
        // As in Kafka, a topic that is not there does not end the wait of the others; lost leadership does.
        if (replica !== ErrorCode.UNKNOWN_TOPIC_OR_PARTITION && replica !== ErrorCode.UNKNOWN_TOPIC_ID) this.#urgent = true
        this.#answers.push(refusal(target, replica))
        continue
      }
      watched.push(replica)
      const answer = this.#read(replica, target, budget)
      this.#answers.push(answer)
      this.#readBytes += answer.recordBytes
      budget = Math.max(0, budget - answer.recordBytes)
      if (answer.errorCode !== ErrorCode.NONE || answer.diverges || answer.preferredReadReplica >= 0) this.#urgent = true
    }
    return watched
  }

  #replicaOf({ topic, partition }: FetchTarget): Leader | Follower | number {
    if (topic === '') return this.#usesTopicIds ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    const { partitions } = this.#options
    const mayBeFollower = this.#context.apiVersion >= followersSince
    return mayBeFollower ? partitions.replica(topic, partition) : partitions.leader(topic, partition)
  }

  #read(replica: Leader | Follower, target: FetchTarget, budget: number): Answer {
    const fenced = replica.checkEpoch(target.currentLeaderEpoch)
    if (fenced !== ErrorCode.NONE) return refusal(target, fenced)
    const isZstd = replica instanceof Leader && replica.compressionType === 'zstd'
    if (isZstd && this.#context.apiVersion < zstdSince) return refusal(target, ErrorCode.UNSUPPORTED_COMPRESSION_TYPE)
    const preferredReadReplica = this.#preferred(replica, target)
    const read = replica.fetch({
      offset: target.fetchOffset,
      lastFetchedEpoch: target.lastFetchedEpoch,
      // Who reads elsewhere hears only that.
      maxBytes: preferredReadReplica >= 0 ? 0 : Math.min(target.maxBytes, budget),
      // The first batch of the answer goes out however large it is: the consumer could never move on otherwise.
      atLeastOne: this.#readBytes === 0 && preferredReadReplica < 0,
      committed: this.#request.isolationLevel === readCommitted,
      allocate: this.#bytes.allocate,
    })
    return { ...read, target, replica, diverges: read.divergingEpoch !== undefined, preferredReadReplica }
  }

  #preferred(replica: Leader | Follower, { fetchOffset }: FetchTarget): number {
    const { selector } = this.#options
    if (selector === null || !(replica instanceof Leader) || this.#context.apiVersion < followersSince) return -1
    return selector.select(replica, this.#request.rackId, fetchOffset) ?? -1
  }

  get #usesTopicIds(): boolean {
    return this.#context.apiVersion >= topicIdsSince
  }

  #response(): Draft<FetchResponse> {
    this.#bytes.handOver(this.#readBytes, this.#context)
    const { sessionId, answers } = concludeFetch(this.#fetch, this.#answers, {
      usesTopicIds: this.#usesTopicIds,
      isPrivileged: false,
      sessions: this.#options.sessions,
      nowMs: this.#broker.world.clock.monotonic(),
    })
    const hints = new LeaderHints(this.#broker, this.#context.listenerName)
    const topics = new FetchedTopics(this.#usesTopicIds)
    for (const answer of answers) topics.add(answer.target, this.#partitionAnswer(answer, hints))
    return { sessionId, responses: topics.responses, nodeEndpoints: hints.endpoints }
  }

  #partitionAnswer(answer: Answer, hints: LeaderHints): FetchedPartition {
    const { target, errorCode, replica, recordBytes } = answer
    if (errorCode !== ErrorCode.NONE) this.#broker.metrics.partitionFailed(Fetch, errorCode)
    else if (recordBytes > 0 && replica instanceof Leader) replica.metrics.fetched(recordBytes)
    const partition = fetchedPartition(target.partition, answer)
    if (errorCode === ErrorCode.NONE) {
      partition.preferredReadReplica = answer.preferredReadReplica
      if (this.#request.isolationLevel === readCommitted) partition.abortedTransactions = []
    }
    const moved = errorCode === ErrorCode.NOT_LEADER_OR_FOLLOWER || errorCode === ErrorCode.FENCED_LEADER_EPOCH
    if (moved && this.#context.apiVersion >= leaderHintsSince) {
      const hint = hints.of(target.topic, target.partition)
      // The metadata here may be behind: a broker that does not lead does not name itself.
      const isStale = errorCode === ErrorCode.NOT_LEADER_OR_FOLLOWER && hint?.leaderId === this.#broker.nodeId
      if (hint && !isStale) partition.currentLeader = hint
    }
    return partition
  }
}

function refusal(target: FetchTarget, errorCode: number): Answer {
  return { ...refusedFetch(errorCode), target, replica: null, diverges: false, preferredReadReplica: -1 }
}
