import { type Draft, ErrorCode, Fetch, type FetchRequest, type FetchResponse } from '@millrace/protocol'
import { AnswerBytes } from '../fetch/answer-bytes.ts'
import type { AnswerMemory } from '../fetch/answer-memory.ts'
import { targetsOf, topicIdsSince } from '../fetch/fetch-context.ts'
import { FetchWait } from '../fetch/fetch-wait.ts'
import type { ReadBuffers } from '../fetch/read-buffers.ts'
import type { ReplicaEntry, ReplicaSession } from '../fetch/replica-session.ts'
import type { ReplicaSessions } from '../fetch/replica-sessions.ts'
import { type FetchedRecords, refusedFetch } from '../partition/fetch-query.ts'
import type { Leader } from '../partition/leader.ts'
import type { Partitions } from '../partition/partitions.ts'
import type { ReplicationThrottle } from '../replication/replication-throttle.ts'
import type { BrokerServices } from '../services.ts'
import { type FetchedPartition, FetchedTopics, fetchedPartition } from './fetched-topics.ts'
import type { RequestContext } from './handler.ts'

type Answer = FetchedRecords & { readonly entry: ReplicaEntry<Leader>; readonly diverges: boolean }

export interface ReplicaFetchOptions {
  readonly partitions: Partitions
  readonly replicaSessions: ReplicaSessions<Leader>
  readonly buffers: ReadBuffers
  readonly memory: AnswerMemory
  /** `fetch.max.bytes`. */
  readonly maxBytes: number
  /** Of what leaders here send. */
  readonly throttle: ReplicationThrottle
  /** Name of the listener that brokers use among themselves: nobody follows over another one. */
  readonly interBrokerListenerName: string
}

/** The id of the broker that fetches; -1 for a consumer. */
export function replicaIdOf({ replicaId, replicaState }: FetchRequest): number {
  return Math.max(replicaId, replicaState.replicaId)
}

/**
 * Another broker's fetch: records up to the end of the leader's file. Its position acknowledges everything before, so it must come from where brokers
 * are. Looks only at what has news, and waits for news up to `maxWaitMs`.
 */
export class ReplicaFetch {
  readonly #request: FetchRequest
  readonly #context: RequestContext
  readonly #broker: BrokerServices
  readonly #options: ReplicaFetchOptions
  readonly #session: ReplicaSession<Leader>
  /** A session without one before: everything in it is answered. */
  readonly #isFull: boolean
  readonly #answers: Answer[] = []
  #readBytes = 0
  #isUrgent = false
  readonly #bytes: AnswerBytes

  /** Answers the request, or says how it is refused as a whole. */
  static handle(
    request: FetchRequest,
    context: RequestContext,
    broker: BrokerServices,
    options: ReplicaFetchOptions,
  ): Draft<FetchResponse> | Promise<Draft<FetchResponse>> {
    const usesTopicIds = context.apiVersion >= topicIdsSince
    const targets = targetsOf(request, usesTopicIds, broker.metadata)
    const session = options.replicaSessions.of(request, {
      targets,
      usesTopicIds,
      opened: id => void context.connection.whenClosed(() => options.replicaSessions.remove(id)),
    })
    if (typeof session === 'number') return { errorCode: session }
    return new ReplicaFetch(request, context, broker, options, session).#run()
  }

  private constructor(
    request: FetchRequest,
    context: RequestContext,
    broker: BrokerServices,
    options: ReplicaFetchOptions,
    session: ReplicaSession<Leader>,
  ) {
    this.#request = request
    this.#context = context
    this.#broker = broker
    this.#options = options
    this.#bytes = new AnswerBytes(options)
    this.#session = session
    this.#isFull = request.sessionEpoch <= 0
    session.fetched(request.replicaState.replicaEpoch, broker.world.clock.monotonic())
  }

  #run(): Draft<FetchResponse> | Promise<Draft<FetchResponse>> {
    this.#look(true)
    const { maxWaitMs, maxBytes } = this.#request
    const minBytes = Math.min(this.#request.minBytes, maxBytes)
    if (maxWaitMs <= 0 || this.#isUrgent || this.#readBytes >= minBytes || this.#session.partitionCount === 0)
      return this.#response()
    return new Promise(resolve => {
      const release = this.#context.connection.whenClosed(() => wait.wake())
      const wait = new FetchWait({
        clock: this.#broker.world.clock,
        partitions: [],
        missingBytes: minBytes - this.#readBytes,
        maxWaitMs,
        done: () => {
          release()
          this.#session.wait = null
          this.#look(false)
          resolve(this.#response())
        },
      })
      this.#session.wait = wait
      // A follower should know what is committed before long.
      for (const { entry } of this.#answers) entry.highWatermarkMoved()
    })
  }

  #look(isFirst: boolean): void {
    this.#answers.length = 0
    this.#bytes.giveBack()
    this.#readBytes = 0
    // What consumers have not taken does not count against followers: they would fall out of the in-sync set for it.
    let budget = Math.min(this.#request.maxBytes, this.#options.maxBytes)
    for (const entry of [...this.#session.news]) {
      const read = this.#read(entry, budget, isFirst && entry.isRetargeted)
      const answer: Answer = { ...read, entry, diverges: read.divergingEpoch !== undefined }
      this.#readBytes += read.recordBytes
      budget = Math.max(0, budget - read.recordBytes)
      if (read.errorCode !== ErrorCode.NONE || answer.diverges) this.#isUrgent = true
      if (this.#isFull || entry.isNews(answer)) this.#answers.push(answer)
      else if (!this.#isBehind(entry)) this.#session.settle(entry)
    }
  }

  /** There is more for it than fitted into this answer. */
  #isBehind({ leader, target }: ReplicaEntry<Leader>): boolean {
    return leader !== null && target.fetchOffset < leader.log.writtenOffset
  }

  #read(entry: ReplicaEntry<Leader>, budget: number, isFirstLook: boolean): FetchedRecords {
    const leader = this.#leaderOf(entry)
    if (typeof leader === 'number') return refusedFetch(leader)
    const { fetchOffset, lastFetchedEpoch, currentLeaderEpoch, logStartOffset, maxBytes } = entry.target
    const fenced = leader.checkEpoch(currentLeaderEpoch)
    if (fenced !== ErrorCode.NONE) return refusedFetch(fenced)
    entry.isRetargeted = false
    const isHeldBack = this.#isHeldBack(leader)
    return leader.fetchAsReplica({
      replicaId: replicaIdOf(this.#request),
      brokerEpoch: this.#request.replicaState.replicaEpoch,
      currentLeaderEpoch,
      offset: fetchOffset,
      lastFetchedEpoch,
      logStartOffset,
      maxBytes: isHeldBack ? 0 : Math.min(maxBytes, budget),
      // The first batch of the answer goes out however large it is: the follower could never move on otherwise.
      atLeastOne: this.#readBytes === 0 && !isHeldBack,
      allocate: this.#bytes.allocate,
      fetcher: this.#session,
      isFirstLook,
    })
  }

  #isHeldBack({ topic, partition, inSync }: Leader): boolean {
    const { throttle } = this.#options
    return throttle.isThrottled(topic, partition) && !inSync.isr.includes(replicaIdOf(this.#request)) && throttle.isExceeded
  }

  #leaderOf(entry: ReplicaEntry<Leader>): Leader | number {
    // Nobody may move a high watermark by calling itself a follower, not in a follower's session either (CVE-2018-1288).
    if (this.#context.listenerName !== this.#options.interBrokerListenerName) return ErrorCode.TOPIC_AUTHORIZATION_FAILED
    if (entry.leader !== null && entry.leader.lostCode === 0) return entry.leader
    const { topic, topicId, partition } = entry.target
    const { usesTopicIds } = this.#session
    const name = usesTopicIds ? this.#broker.metadata.topicById(topicId)?.name : topic
    if (name === undefined || name === '') return usesTopicIds ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    const leader = this.#options.partitions.leader(name, partition)
    if (typeof leader === 'number') {
      entry.detach()
      return leader
    }
    entry.attach(leader)
    return leader
  }

  #response(): Draft<FetchResponse> {
    this.#bytes.handOver(this.#readBytes, this.#context)
    const { usesTopicIds, id } = this.#session
    const topics = new FetchedTopics(usesTopicIds)
    for (const answer of this.#answers) {
      const { entry } = answer
      entry.told(answer)
      const { leader } = entry
      if (answer.recordBytes > 0 && leader !== null && this.#options.throttle.isThrottled(leader.topic, leader.partition))
        this.#options.throttle.count(answer.recordBytes)
      // What was told without records is settled; after records the follower comes back with a new position.
      if (answer.errorCode === ErrorCode.NONE && !this.#isBehind(entry)) this.#session.settle(entry)
      topics.add(entry.target, this.#partitionAnswer(answer))
    }
    const isKept = this.#options.replicaSessions.has(id)
    if (!isKept) this.#session.close()
    return { sessionId: isKept ? id : 0, responses: topics.responses }
  }

  #partitionAnswer(answer: Answer): FetchedPartition {
    if (answer.errorCode !== ErrorCode.NONE) this.#broker.metrics.partitionFailed(Fetch, answer.errorCode)
    return fetchedPartition(answer.entry.target.partition, answer)
  }
}
