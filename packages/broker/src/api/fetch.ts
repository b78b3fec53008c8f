import { type Draft, ErrorCode, Fetch, type FetchRequest, type FetchResponse } from '@millrace/protocol'
import type { AnswerMemory } from '../fetch/answer-memory.ts'
import { concludeFetch, type FetchContext, fetchContext, topicIdsSince } from '../fetch/fetch-context.ts'
import { FetchWait, type WatchedPartition } from '../fetch/fetch-wait.ts'
import type { ReadBuffers } from '../fetch/read-buffers.ts'
import type { FetchTarget } from '../fetch/session.ts'
import type { FetchSessionCache } from '../fetch/session-cache.ts'
import { type FetchedRecords, type FetchQuery, refusedFetch } from '../partition/fetch-query.ts'
import type { Follower } from '../partition/follower.ts'
import { highWatermarkLingerMs, Leader } from '../partition/leader.ts'
import type { Partitions } from '../partition/partitions.ts'
import type { BrokerServices } from '../services.ts'
import type { ApiHandler, Mutable, RequestContext } from './handler.ts'
import { LeaderHints } from './leader-hints.ts'

type PartitionAnswer = Mutable<Draft<FetchResponse['responses'][number]['partitions'][number]>>

/** What one partition's turn came to. */
interface Answer extends FetchedRecords {
  readonly target: FetchTarget
  /** Null: refused before it was read. */
  readonly replica: Leader | Follower | null
  readonly diverges: boolean
}

const readCommitted = 1
const consumerReplicaId = -1
const leaderHintsSince = 16
/** Consumers from there on may read from followers (KIP-392). */
const followersSince = 11
/** Earlier versions may come from clients that cannot read what a topic with compression.type=zstd holds. */
const zstdSince = 10
const noRecords = new Uint8Array(0)

export interface FetchOptions {
  readonly partitions: Partitions
  readonly sessions: FetchSessionCache
  readonly buffers: ReadBuffers
  readonly memory: AnswerMemory
  /** `fetch.max.bytes`. */
  readonly maxBytes: number
  /** Name of the listener that brokers use among themselves: nobody follows over another one. */
  readonly interBrokerListenerName: string
}

/** Reads batches for consumers below the high watermark, for followers up to the log's end; waits for `minBytes` up to `maxWaitMs` without polling. */
export function fetchHandler(options: FetchOptions): ApiHandler<FetchRequest, Draft<FetchResponse>> {
  return {
    api: Fetch,
    versions: { min: 4, max: 18 },
    handle(request, context, broker) {
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
  /** -1: a consumer. */
  readonly #replicaId: number
  /** Another broker's fetch counts as its acknowledgement, so it must come from where brokers are. */
  readonly #mayFollow: boolean
  readonly #answers: Answer[] = []
  /** Memory of what was read from disk, until the answer has left. */
  #buffers: Buffer[] = []
  readonly #allocate = (bytes: number) => {
    const buffer = this.#options.buffers.take(bytes)
    this.#buffers.push(buffer)
    return buffer
  }
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
    this.#fetch = fetch
    this.#replicaId = Math.max(request.replicaId, request.replicaState.replicaId)
    this.#mayFollow = context.listenerName === options.interBrokerListenerName
  }

  run(): Draft<FetchResponse> | Promise<Draft<FetchResponse>> {
    const watched = this.#readAll(true)
    const { maxWaitMs, maxBytes } = this.#request
    // As in Kafka, nobody waits for more than an answer may hold.
    const minBytes = Math.min(this.#request.minBytes, maxBytes, this.#options.maxBytes)
    if (maxWaitMs <= 0 || watched.length === 0 || this.#urgent || this.#readBytes >= minBytes) return this.#response()
    return new Promise(resolve => {
      // A follower should know what is committed before long, but not by an answer for each step: mostly the next records bring it.
      const waitMs = this.#hasNews() ? Math.min(maxWaitMs, highWatermarkLingerMs) : maxWaitMs
      const release = this.#context.connection.whenClosed(() => wait.wake())
      const wait = new FetchWait({
        clock: this.#broker.world.clock,
        partitions: watched,
        missingBytes: minBytes - this.#readBytes,
        maxWaitMs: waitMs,
        done: () => {
          release()
          this.#readAll(false)
          resolve(this.#response())
        },
      })
    })
  }

  /** Reads each partition in its turn within the limits of the request. Returns the partitions that may have more later. */
  #readAll(isFirstLook: boolean): WatchedPartition[] {
    const watched: WatchedPartition[] = []
    this.#answers.length = 0
    this.#giveBack()
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
      watched.push(this.#isFollower && replica instanceof Leader ? replica.replicaFeed : replica)
      const answer = this.#read(replica, target, budget, isFirstLook)
      this.#answers.push(answer)
      this.#readBytes += answer.recordBytes
      budget = Math.max(0, budget - answer.recordBytes)
      if (answer.errorCode !== ErrorCode.NONE || answer.diverges) this.#urgent = true
    }
    return watched
  }

  #hasNews(): boolean {
    const { session } = this.#fetch
    return this.#isFollower && (session === null || this.#answers.some(answer => session.isNews(answer.target, answer)))
  }

  get #isFollower(): boolean {
    return this.#replicaId > consumerReplicaId
  }

  #replicaOf({ topic, partition }: FetchTarget): Leader | Follower | number {
    if (topic === '') return this.#usesTopicIds ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    // Nobody may move a high watermark by calling itself a follower (CVE-2018-1288).
    if (this.#isFollower && !this.#mayFollow) return ErrorCode.TOPIC_AUTHORIZATION_FAILED
    const { partitions } = this.#options
    const mayBeFollower = !this.#isFollower && this.#context.apiVersion >= followersSince
    return mayBeFollower ? partitions.replica(topic, partition) : partitions.leader(topic, partition)
  }

  #read(replica: Leader | Follower, target: FetchTarget, budget: number, isFirstLook: boolean): Answer {
    const fenced = replica.checkEpoch(target.currentLeaderEpoch)
    if (fenced !== ErrorCode.NONE) return refusal(target, fenced)
    const query = {
      offset: target.fetchOffset,
      lastFetchedEpoch: target.lastFetchedEpoch,
      maxBytes: Math.min(target.maxBytes, budget),
      // The first batch of the answer goes out however large it is: the consumer could never move on otherwise.
      atLeastOne: this.#readBytes === 0,
      allocate: this.#allocate,
    }
    const read =
      this.#isFollower && replica instanceof Leader
        ? this.#readAsReplica(replica, { ...query, isFirstLook }, target)
        : this.#readAsConsumer(replica, query)
    return { ...read, target, replica, diverges: read.divergingEpoch !== undefined }
  }

  #readAsConsumer(replica: Leader | Follower, query: Omit<FetchQuery, 'committed'>): FetchedRecords {
    const isZstd = replica instanceof Leader && replica.compressionType === 'zstd'
    if (isZstd && this.#context.apiVersion < zstdSince) return refusedFetch(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE)
    return replica.fetch({ ...query, committed: this.#request.isolationLevel === readCommitted })
  }

  #readAsReplica(
    leader: Leader,
    query: Omit<FetchQuery, 'committed'> & { readonly isFirstLook: boolean },
    { currentLeaderEpoch, logStartOffset }: FetchTarget,
  ): FetchedRecords {
    const { replicaEpoch } = this.#request.replicaState
    return leader.fetchAsReplica({
      ...query,
      replicaId: this.#replicaId,
      brokerEpoch: replicaEpoch,
      currentLeaderEpoch,
      logStartOffset,
    })
  }

  get #usesTopicIds(): boolean {
    return this.#context.apiVersion >= topicIdsSince
  }

  #giveBack(): void {
    for (const buffer of this.#buffers) this.#options.buffers.give(buffer)
    this.#buffers = []
  }

  /** The answer's memory is used until it has left or its connection is gone. */
  #accountFor(bytes: number): void {
    const release = this.#options.memory.take(bytes)
    if (release === null && this.#buffers.length === 0) return
    const forget = release === null ? null : this.#context.connection.whenClosed(release)
    this.#context.whenSent(() => {
      forget?.()
      release?.()
      this.#giveBack()
    })
  }

  #response(): Draft<FetchResponse> {
    this.#accountFor(this.#readBytes)
    const { sessionId, answers } = concludeFetch(this.#fetch, this.#answers, {
      usesTopicIds: this.#usesTopicIds,
      isPrivileged: this.#isFollower,
      sessions: this.#options.sessions,
      nowMs: this.#broker.world.clock.monotonic(),
    })
    const hints = new LeaderHints(this.#broker, this.#context.listenerName)
    const responses: { topic: string; topicId: string; partitions: PartitionAnswer[] }[] = []
    for (const answer of answers) {
      const { topic, topicId } = answer.target
      let last = responses.at(-1)
      if (last === undefined || (this.#usesTopicIds ? last.topicId !== topicId : last.topic !== topic))
        responses.push((last = { topic, topicId, partitions: [] }))
      last.partitions.push(this.#partitionAnswer(answer, hints))
    }
    return { sessionId, responses, nodeEndpoints: hints.endpoints }
  }

  #partitionAnswer(answer: Answer, hints: LeaderHints): PartitionAnswer {
    const { target, errorCode, replica, recordBytes } = answer
    if (errorCode !== ErrorCode.NONE) this.#broker.metrics.partitionFailed(Fetch, errorCode)
    else if (recordBytes > 0 && !this.#isFollower && replica instanceof Leader) replica.metrics.fetched(recordBytes)
    const partition: PartitionAnswer = {
      partitionIndex: target.partition,
      errorCode,
      highWatermark: answer.highWatermark,
      lastStableOffset: answer.lastStableOffset,
      logStartOffset: answer.logStartOffset,
      abortedTransactions: this.#request.isolationLevel === readCommitted && errorCode === ErrorCode.NONE ? [] : null,
      records: recordBytes > 0 ? answer.chunks : noRecords,
    }
    if (answer.divergingEpoch) partition.divergingEpoch = answer.divergingEpoch
    const moved = errorCode === ErrorCode.NOT_LEADER_OR_FOLLOWER || errorCode === ErrorCode.FENCED_LEADER_EPOCH
    if (moved && this.#context.apiVersion >= leaderHintsSince) {
      const hint = hints.of(target.topic, target.partition)
      if (hint) partition.currentLeader = hint
    }
    return partition
  }
}

function refusal(target: FetchTarget, errorCode: number): Answer {
  return { ...refusedFetch(errorCode), target, replica: null, diverges: false }
}
