import { ErrorCode, KafkaError, Produce } from '@millrace/protocol'
import type { Timer } from '@millrace/runtime'
import type { Cluster } from '../cluster.ts'
import { isRetriable } from '../errors.ts'
import type { Connection } from '../network/connection.ts'
import type { PartitionQueue } from './partition-queue.ts'
import { type Outcome, produceTopics, readOutcomes, success, unanswered } from './produce-request.ts'
import type { ProducerBatch } from './producer-batch.ts'
import type { ProducerMetrics } from './producer-metrics.ts'
import { newRoute, type Outstanding, type Route, stalled, stallMs } from './route.ts'
import type { IdentitySource } from './sequence.ts'

export interface SenderOptions {
  /** -1: all. */
  readonly acks: -1 | 0 | 1
  readonly maxInFlight: number
  readonly maxRequestBytes: number
  readonly requestTimeoutMs: number
}

export interface SenderEvents {
  /** The broker is done with the batch and its caller has an answer: its memory is free, and with `reuse` good for another batch. */
  done(batch: ProducerBatch, reuse: boolean): void
  /** The batch failed for good. */
  failed(batch: ProducerBatch, error: Error): void
  /** The broker finds the batch too large: parts that take its place. */
  split(batch: ProducerBatch): ProducerBatch[]
}

/** Puts ready batches into requests, one request of many partitions a broker, and deals with the answers. */
export class Sender {
  readonly #cluster: Cluster
  readonly #options: SenderOptions
  readonly #events: SenderEvents
  readonly #metrics: ProducerMetrics
  /** Null: not idempotent. */
  readonly #identities: IdentitySource | null
  readonly #routes = new Map<number, Route>()
  /** Ready, but the leader is not known. */
  readonly #unrouted = new Set<PartitionQueue>()
  /** Held back after a failure. */
  readonly #waitingForRetry = new Set<PartitionQueue>()
  #isScheduled = false
  #retryTimer: Timer | undefined
  #retryAtMs = Infinity
  #stallTimer: Timer | undefined
  #isClosed = false

  constructor(
    cluster: Cluster,
    options: SenderOptions,
    identities: IdentitySource | null,
    metrics: ProducerMetrics,
    events: SenderEvents,
  ) {
    this.#cluster = cluster
    this.#options = options
    this.#identities = identities
    this.#metrics = metrics
    this.#events = events
  }

  /** The queue has something to send. It goes out when the current tick is over, together with what else becomes ready in it. */
  ready(queue: PartitionQueue): void {
    this.#route(queue)
    this.schedule()
  }

  schedule(): void {
    if (this.#isScheduled || this.#isClosed) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      this.#drain()
    })
  }

  /** Leaders may have changed: what is ready goes to the new ones, and what is out to a broker that hangs and leads none of it any more is given up. */
  metadataChanged(): void {
    const nowMs = this.#cluster.world.clock.monotonic()
    const queues = [...this.#unrouted]
    this.#unrouted.clear()
    for (const route of this.#routes.values()) {
      for (const queue of route.ready) {
        if (this.#isRoutedTo(route, queue)) continue
        route.ready.delete(queue)
        queues.push(queue)
      }
      // The broker may be gone for good, until the cluster has noticed: the next answer may name another leader.
      if (route.isConnecting && route.ready.size > 0) this.#cluster.requestMetadata()
      this.#giveUpStalled(route, nowMs)
    }
    for (const queue of this.#waitingForRetry) {
      if (!this.#hasNewLeader(queue)) continue
      this.#waitingForRetry.delete(queue)
      queues.push(queue)
    }
    for (const queue of queues) this.#route(queue)
    if (queues.length > 0) this.schedule()
  }

  /** The batch's time was up while it waited or while a request with it is out. It has been failed already. */
  expired(batch: ProducerBatch): void {
    const { queue } = batch
    this.#metrics.failed(batch)
    this.#events.failed(batch, batch.failure!)
    if (queue.inFlight.includes(batch)) {
      batch.isAbandoned = true
      return
    }
    queue.remove(batch)
    this.#events.done(batch, false)
    if (batch.baseSequence < 0) return
    queue.renumber(batch.mayBeWritten ? { kind: 'restart' } : { kind: 'reuse', from: batch.baseSequence })
    this.#recover(queue)
  }

  close(): void {
    this.#isClosed = true
    this.#retryTimer?.cancel()
    this.#stallTimer?.cancel()
  }

  #route(queue: PartitionQueue): void {
    const { metadata } = this.#cluster
    const node = metadata.leaderOf(queue.topic.name, queue.index)
    queue.hasLeader = node !== undefined
    if (node === undefined) {
      this.#unrouted.add(queue)
      this.#cluster.requestMetadata()
      return
    }
    let route = this.#routes.get(node.nodeId)
    if (!route) this.#routes.set(node.nodeId, (route = newRoute(node)))
    route.node = node
    route.ready.add(queue)
  }

  #isRoutedTo({ node }: Route, { topic, index }: PartitionQueue): boolean {
    return this.#cluster.metadata.leaderOf(topic.name, index)?.nodeId === node.nodeId
  }

  /** Somebody else, or the same broker elected anew, leads since the queue's last attempt. */
  #hasNewLeader({ topic, index, sentToEpoch }: PartitionQueue): boolean {
    return sentToEpoch >= 0 && this.#cluster.metadata.leaderEpochOf(topic.name, index) > sentToEpoch
  }

  #drain(): void {
    if (this.#isClosed) return
    if (this.#identities?.failure) this.#failAll(this.#identities.failure)
    // Numbers are part of the batch: nothing goes out before the producer has its id.
    if (this.#identities && this.#identities.current() === null) return
    for (const route of this.#routes.values()) this.#drainRoute(route)
  }

  #drainRoute(route: Route): void {
    if (route.ready.size === 0 || route.inFlight.size >= this.#options.maxInFlight || route.isConnecting) return
    const connection = this.#cluster.pool.open(route.node, 'produce')
    if (!connection) {
      void this.#connect(route)
      return
    }
    while (route.inFlight.size < this.#options.maxInFlight && route.ready.size > 0) {
      const batches = this.#assemble(route)
      if (batches.length === 0) return
      this.#send(route, connection, batches)
    }
  }

  async #connect(route: Route): Promise<void> {
    route.isConnecting = true
    route.connectingSinceMs = this.#cluster.world.clock.monotonic()
    this.#watchStalls()
    try {
      await this.#cluster.connect(route.node, 'produce')
    } catch (error) {
      if (this.#isClosed) return
      this.#cluster.requestMetadata()
      for (const queue of route.ready) {
        queue.lastError = error as Error
        this.#route(queue)
      }
    } finally {
      route.isConnecting = false
    }
    // The pool holds back an address that failed, so that this is no busy loop.
    this.schedule()
  }

  /** At most one batch a partition, at most `maxRequestBytes` together, but at least one. */
  #assemble(route: Route): ProducerBatch[] {
    const { metadata, world } = this.#cluster
    const identity = this.#identities?.current() ?? null
    if (this.#identities && identity === null) return []
    const nowMs = world.clock.monotonic()
    const batches: ProducerBatch[] = []
    const again: PartitionQueue[] = []
    let bytes = 0
    for (const queue of route.ready) {
      if (!this.#isRoutedTo(route, queue)) {
        route.ready.delete(queue)
        this.#route(queue)
        continue
      }
      if (nowMs < queue.retryAtMs && !this.#hasNewLeader(queue)) {
        route.ready.delete(queue)
        this.#retryLater(queue)
        continue
      }
      if (queue.mustWaitFor(route.node.nodeId)) {
        route.ready.delete(queue)
        continue
      }
      const batch = queue.peek()
      if (batch && batches.length > 0 && bytes + batch.sizeInBytes > this.#options.maxRequestBytes) break
      route.ready.delete(queue)
      if (!batch) continue
      if (identity && !queue.number(batch, identity)) continue
      bytes += batch.sizeInBytes
      queue.sentToEpoch = metadata.leaderEpochOf(queue.topic.name, queue.index)
      queue.sentToNode = route.node.nodeId
      queue.send(batch)
      batches.push(batch)
      if (queue.hasReady()) again.push(queue)
    }
    // To the end of the line: partitions take turns where requests are full.
    for (const queue of again) route.ready.add(queue)
    return batches
  }

  #send(route: Route, connection: Connection, batches: ProducerBatch[]): void {
    const { acks, requestTimeoutMs } = this.#options
    const { topicData, allHaveIds } = produceTopics(batches, this.#cluster.metadata)
    const sentAtMs = this.#cluster.world.clock.monotonic()
    const outstanding: Outstanding = { connection, batches, sentAtMs }
    route.inFlight.add(outstanding)
    this.#watchStalls()
    const options = { expectResponse: acks !== 0, ...(allHaveIds ? {} : { maxVersion: 12 }) }
    connection
      .request(Produce, { transactionalId: null, acks, timeoutMs: requestTimeoutMs, topicData }, options)
      .then(
        response => {
          this.#metrics.answered(this.#cluster.world.clock.monotonic() - sentAtMs)
          if (acks === 0) for (const batch of batches) this.#settle(batch, success)
          else readOutcomes(batches, response, this.#cluster.metadata, (batch, outcome) => this.#settle(batch, outcome))
        },
        (error: Error) => this.#lost(batches, error),
      )
      .finally(() => {
        route.inFlight.delete(outstanding)
        this.schedule()
      })
  }

  /** No answer: what became of the batches is not known. */
  #lost(batches: ProducerBatch[], error: Error): void {
    this.#cluster.requestMetadata()
    for (const batch of batches) this.#settle(batch, unanswered(error))
  }

  #settle(batch: ProducerBatch, { error, isCertain, baseOffset, logAppendTimeMs }: Outcome): void {
    const { queue } = batch
    const isNext = queue.arrived(batch)
    if (!isCertain || (error instanceof KafkaError && writtenPerhaps.has(error.errorCode))) batch.mayBeWritten = true
    const code = error instanceof KafkaError ? error.errorCode : ErrorCode.NONE
    if (error === null || code === ErrorCode.DUPLICATE_SEQUENCE_NUMBER) {
      queue.wasWritten(batch)
      if (!batch.isAbandoned) {
        batch.succeed(baseOffset, logAppendTimeMs)
        this.#metrics.sent(batch)
      }
      // Without an answer nobody knows whether the bytes have left.
      this.#events.done(batch, this.#options.acks !== 0 && batch.attempts === 1)
    } else if (batch.isAbandoned) {
      this.#giveUp(batch)
    } else if (code === ErrorCode.MESSAGE_TOO_LARGE && batch.recordCount > 1) {
      for (const part of this.#events.split(batch)) queue.giveBack(part)
      // The parts have the same records in the same order, so that the numbers behind them stay.
      if (batch.baseSequence >= 0) queue.renumber({ kind: 'reuse', from: batch.baseSequence })
      this.#events.done(batch, false)
    } else if (this.#mayRetry(batch, error, code, isNext)) {
      queue.failures++
      queue.lastError = error
      queue.retryAtMs = this.#cluster.world.clock.monotonic() + this.#cluster.retryBackoff.delayMs(queue.failures)
      this.#metrics.retried(batch)
      if (error instanceof KafkaError && error.refreshMetadata && !this.#hasNewLeader(queue)) this.#cluster.requestMetadata()
      queue.giveBack(batch)
    } else {
      batch.fail(error)
      this.#metrics.failed(batch)
      this.#events.failed(batch, error)
      this.#giveUp(batch)
    }
    this.#recover(queue)
  }

  #mayRetry(batch: ProducerBatch, error: Error, code: number, isNext: boolean): boolean {
    if (this.#identities && (code === ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER || code === ErrorCode.UNKNOWN_PRODUCER_ID)) {
      batch.isMissing = true
      // Behind a batch that has to go again this is what the broker must say. If it is the next one in line, the broker has lost count.
      if (isNext) batch.queue.renumber({ kind: 'restart' })
      return true
    }
    if (this.#identities && code === ErrorCode.INVALID_PRODUCER_EPOCH && !batch.mayBeWritten) {
      this.#identities.reset()
      batch.queue.renumber({ kind: 'restart' })
      return true
    }
    return isRetriable(error)
  }

  /** A batch that is not going to be written leaves a hole in the numbers. */
  #giveUp(batch: ProducerBatch): void {
    if (batch.baseSequence >= 0)
      batch.queue.renumber(batch.mayBeWritten ? { kind: 'restart' } : { kind: 'reuse', from: batch.baseSequence })
    this.#events.done(batch, false)
  }

  #recover(queue: PartitionQueue): void {
    if (!queue.recover(() => this.#identities?.bump())) return
    if (queue.hasReady()) this.ready(queue)
  }

  #retryLater(queue: PartitionQueue): void {
    const { clock } = this.#cluster.world
    this.#waitingForRetry.add(queue)
    if (queue.retryAtMs >= this.#retryAtMs) return
    this.#retryTimer?.cancel()
    this.#retryAtMs = queue.retryAtMs
    this.#retryTimer = clock.timer(queue.retryAtMs - clock.monotonic(), () => {
      this.#retryAtMs = Infinity
      const queues = [...this.#waitingForRetry]
      this.#waitingForRetry.clear()
      for (const each of queues) this.ready(each)
    })
  }

  // Brokers that do not answer

  #watchStalls(): void {
    if (this.#isClosed) return
    this.#stallTimer ??= this.#cluster.world.clock.timer(stallMs, () => {
      this.#stallTimer = undefined
      const nowMs = this.#cluster.world.clock.monotonic()
      let isBusy = false
      let isStalled = false
      for (const route of this.#routes.values()) {
        if (!route.isConnecting && route.inFlight.size === 0) continue
        isBusy = true
        if (route.isConnecting && nowMs - route.connectingSinceMs >= stallMs) isStalled = true
        if (stalled(route, nowMs)) isStalled = true
      }
      if (isStalled) this.#cluster.requestMetadata()
      if (isBusy) this.#watchStalls()
    })
  }

  #giveUpStalled(route: Route, nowMs: number): void {
    const oldest = stalled(route, nowMs)
    if (!oldest || oldest.batches.some(({ queue }) => this.#isRoutedTo(route, queue) || !queue.hasLeader)) return
    this.#cluster.logger.warn('client.produce.stalled', {
      node: route.node.nodeId,
      sentMsAgo: Math.round(nowMs - oldest.sentAtMs),
    })
    // The connection's requests come back as lost, to go to the new leaders in their order.
    oldest.connection.close()
  }

  #failAll(error: Error): void {
    const queues = new Set([
      ...this.#unrouted,
      ...this.#waitingForRetry,
      ...[...this.#routes.values()].flatMap(({ ready }) => [...ready]),
    ])
    for (const queue of queues)
      for (let batch = queue.peek(); batch; batch = queue.peek()) {
        queue.remove(batch)
        batch.fail(error)
        this.#events.failed(batch, error)
        this.#events.done(batch, false)
      }
  }
}

/** Errors after which the batch may stand in the log all the same. */
const writtenPerhaps: ReadonlySet<number> = new Set([
  ErrorCode.REQUEST_TIMED_OUT,
  ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  ErrorCode.NETWORK_EXCEPTION,
  ErrorCode.UNKNOWN_SERVER_ERROR,
])
