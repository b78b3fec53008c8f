import { ErrorCode, errorOf } from '@millrace/protocol'
import { messageOf, type Timer } from '@millrace/runtime'
import { Cluster } from '../cluster.ts'
import { BufferExhaustedError, ClosedError, TimeoutError } from '../errors.ts'
import { Accumulator } from './accumulator.ts'
import { Delivery } from './delivery.ts'
import { partitionOfKey } from './murmur2.ts'
import { Packer } from './packer.ts'
import { checkShape, copyOf, type ParkedRecord, sizeOf } from './parked-record.ts'
import type { ProducerBatch } from './producer-batch.ts'
import { ProducerMetrics } from './producer-metrics.ts'
import { isAll, type ProducerOptions, type ProducerSettings, producerSettings } from './producer-options.ts'
import type { ProducerRecord, RecordMetadata } from './record.ts'
import { Sender } from './sender.ts'
import { IdentitySource } from './sequence.ts'
import { TopicQueues } from './topic-queues.ts'

/**
 * Sends records. Records of a partition are batched, batches of a broker share requests, several requests are on the way at a time, and what
 * fails for the moment is sent again in its order, without doubles, until `deliveryTimeoutMs` is over.
 */
export class Producer {
  readonly #options: ProducerOptions
  readonly #settings: ProducerSettings
  readonly #cluster: Cluster
  readonly #accumulator: Accumulator
  readonly #sender: Sender
  readonly #packer: Packer | null
  readonly #topics = new Map<string, TopicQueues>()
  /** `send` calls that wait for room, in their order. */
  readonly #blocked: ParkedRecord[] = []
  #parkedBytes = 0
  #flushWaiters: (() => void)[] = []
  #readyWaiters: { resolve: () => void; reject: (error: Error) => void }[] = []
  #parkTimer: Timer | undefined
  #lastTopic: TopicQueues | undefined
  #unreported: Error | undefined
  #isClosed = false

  /** Connects with the first record. Throws a ConfigError for a bad option. */
  constructor(options: ProducerOptions) {
    const settings = producerSettings(options)
    this.#options = options
    this.#settings = settings
    const { maxInFlight, lingerMs, batchBytes, maxRequestBytes, bufferBytes, deliveryTimeoutMs, requestTimeoutMs } = settings
    const { world, logger, bootstrapServers } = options
    this.#cluster = new Cluster({ ...settings, world, logger, bootstrapServers, maxInFlightRequests: maxInFlight })
    const identities = settings.enableIdempotence ? new IdentitySource(this.#cluster, () => this.#sender.schedule()) : null
    const compressionLevel = options.compressionLevel
    this.#packer = Packer.for(this.#cluster.world.cpu, settings.compression, compressionLevel, batchBytes, queue =>
      this.#sender.ready(queue),
    )
    this.#accumulator = new Accumulator(
      this.#cluster.world,
      { lingerMs, batchBytes: Math.max(1, batchBytes), maxRequestBytes, bufferBytes, deliveryTimeoutMs, compressionLevel },
      {
        ready: queue => this.#sender.ready(queue),
        expired: batch => this.#sender.expired(batch),
        released: () => this.#released(),
      },
    )
    this.#sender = new Sender(
      this.#cluster,
      { acks: isAll(settings.acks) ? -1 : settings.acks === '1' ? 1 : 0, maxInFlight, maxRequestBytes, requestTimeoutMs },
      identities,
      new ProducerMetrics(settings.clientId),
      {
        done: (batch, reuse) => this.#accumulator.release(batch, reuse),
        failed: (batch, error) => this.#failed(batch, error),
        split: batch => this.#accumulator.split(batch),
      },
    )
    this.#cluster.metadata.onChange(() => this.#metadataChanged())
  }

  /**
   * Sends a record. The promise resolves when it is acknowledged as `acks` asks and rejects with a KafkaError (MESSAGE_TOO_LARGE, TOPIC_AUTHORIZATION_FAILED,
   * …), a TimeoutError, BufferExhaustedError or ClosedError. Calls of one partition are delivered in their order. A promise that nobody waits for costs
   * nothing; its failure goes to `flush` and `onError`.
   */
  send(record: ProducerRecord): Promise<RecordMetadata> {
    try {
      if (this.#isClosed) throw new ClosedError('producer')
      const topic = this.#topicOf(record.topic)
      if (topic.isKnown && this.#blocked.length === 0 && !this.#accumulator.isFull) return this.#enqueue(topic, record)
      checkShape(record, this.#settings.maxRequestBytes)
      return new Promise((resolve, reject) => {
        const deadlineMs = this.#deadlineMs()
        if (topic.isKnown || this.#blocked.length > 0) {
          this.#blocked.push({ record: this.#copyOf(record), deadlineMs, resolve, reject })
          this.#accumulator.endLinger()
          this.#armParkTimer()
        } else {
          this.#park(topic, { record: this.#copyOf(record), deadlineMs, resolve, reject })
        }
      })
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * The same without a promise: for the hot path. False: no room, nothing was taken; `await ready()` and try again. A failure reaches the next
   * `flush` and `onError`. Throws what is wrong with the record itself (KafkaError MESSAGE_TOO_LARGE, a partition that does not exist).
   */
  append(record: ProducerRecord): boolean {
    if (this.#isClosed) throw new ClosedError('producer')
    if (this.#accumulator.isFull || this.#blocked.length > 0) {
      this.#accumulator.endLinger()
      return false
    }
    let topic = this.#lastTopic
    if (topic === undefined || topic.name !== record.topic) topic = this.#topicOf(record.topic)
    if (topic.isKnown) {
      this.#put(topic, record, record.timestamp ?? this.#cluster.world.clock.now())
      return true
    }
    if (this.#parkedBytes >= this.#settings.bufferBytes) return false
    checkShape(record, this.#settings.maxRequestBytes)
    this.#park(topic, { record: this.#copyOf(record), deadlineMs: this.#deadlineMs() })
    return true
  }

  /** Resolves when `append` has room again. Rejects with a ClosedError. */
  ready(): Promise<void> {
    if (this.#isClosed) return Promise.reject(new ClosedError('producer'))
    if (this.#hasRoom()) return Promise.resolve()
    this.#accumulator.endLinger()
    return new Promise((resolve, reject) => this.#readyWaiters.push({ resolve, reject }))
  }

  /**
   * Sends everything at once and resolves when all that was sent or appended before is delivered. Rejects with the first failure, since the last
   * `flush`, of a record that nobody waits for.
   */
  async flush(): Promise<void> {
    // Records that wait for metadata or room become batches only in time.
    while (this.#blocked.length > 0 || [...this.#topics.values()].some(({ parked }) => parked.length > 0)) {
      this.#accumulator.endLinger()
      await new Promise<void>(resolve => this.#flushWaiters.push(resolve))
    }
    this.#accumulator.endLinger()
    for (const batch of [...this.#accumulator.incomplete]) await batch.settled()
    const error = this.#unreported
    this.#unreported = undefined
    if (error) throw error
  }

  /** Number of partitions of a topic. Rejects with a KafkaError, UNKNOWN_TOPIC_OR_PARTITION among others, after `maxBlockMs` at most. */
  async partitionsOf(topic: string): Promise<number> {
    const [metadata] = await this.#cluster.topics([topic], this.#settings.maxBlockMs)
    return metadata!.partitions.length
  }

  /** Delivers what was sent or appended, at most for `timeoutMs` (default: `deliveryTimeoutMs`), and closes. Rejects as `flush` does. */
  async close(timeoutMs = this.#settings.deliveryTimeoutMs): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    const { clock } = this.#cluster.world
    let timer: Timer | undefined
    const timeUp = new Promise<void>(resolve => {
      timer = clock.timer(timeoutMs, resolve)
    })
    try {
      await Promise.race([this.flush(), timeUp])
    } finally {
      timer?.cancel()
      this.#shutDown()
    }
    const error = this.#unreported
    if (error) throw error
  }

  #enqueue(topic: TopicQueues, record: ProducerRecord): Delivery {
    const timestamp = record.timestamp ?? this.#cluster.world.clock.now()
    const batch = this.#put(topic, record, timestamp)
    return new Delivery(batch, batch.recordCount - 1, timestamp)
  }

  /** Into the partition's open batch. */
  #put(topic: TopicQueues, record: ProducerRecord, timestamp: number): ProducerBatch {
    const { value, headers } = record
    const key = record.key ?? null
    let partition = record.partition
    let isSticky = false
    if (partition === undefined) {
      if (this.#options.partitioner) partition = this.#options.partitioner(record, topic.queues.length)
      else if (key !== null && !this.#settings.partitionerIgnoreKeys) partition = partitionOfKey(key, topic.queues.length)
      else {
        partition = topic.sticky.choose(topic.queues)
        isSticky = true
      }
    }
    const queue = topic.queues[partition]
    if (queue === undefined)
      throw errorOf(
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        `${topic.name} has partitions 0 to ${topic.queues.length - 1}, not ${partition}`,
      )
    const bytesBefore = isSticky ? (queue.open?.sizeInBytes ?? 0) : 0
    const batch = this.#accumulator.append(queue, timestamp, key, value, headers)
    if (isSticky) {
      const bytes = batch.sizeInBytes
      topic.sticky.produced(batch.recordCount === 1 ? bytes : bytes - bytesBefore, batch.recordCount === 1)
    }
    return batch
  }

  #topicOf(name: string): TopicQueues {
    let topic = this.#topics.get(name)
    if (topic === undefined) {
      if (typeof name !== 'string' || name === '')
        throw errorOf(ErrorCode.INVALID_TOPIC_EXCEPTION, `${JSON.stringify(name)} is no topic name`)
      const { compression, batchBytes, partitionerAdaptive: adaptive } = this.#settings
      topic = new TopicQueues(name, compression, this.#packer, this.#cluster.world.random, { stickyBytes: batchBytes, adaptive })
      this.#topics.set(name, topic)
      if (this.#cluster.metadata.track(name) || !topic.update(this.#cluster.metadata.topic(name))) this.#cluster.requestMetadata()
    }
    this.#lastTopic = topic
    return topic
  }

  /** To wait with: the caller's own bytes may change meanwhile. */
  #copyOf(record: ProducerRecord): ProducerRecord {
    return copyOf(record, this.#cluster.world.clock.now())
  }

  #deadlineMs(): number {
    return this.#cluster.world.clock.monotonic() + this.#settings.maxBlockMs
  }

  // Records that wait

  #park(topic: TopicQueues, parked: ParkedRecord): void {
    topic.parked.push(parked)
    this.#parkedBytes += sizeOf(parked)
    this.#cluster.requestMetadata()
    this.#armParkTimer()
  }

  #unpark(parked: ParkedRecord): void {
    this.#parkedBytes -= sizeOf(parked)
  }

  #metadataChanged(): void {
    const { metadata } = this.#cluster
    for (const topic of this.#topics.values()) {
      const known = topic.update(metadata.topic(topic.name))
      if (topic.parked.length === 0) continue
      const errorCode = metadata.errorOf(topic.name)
      const error = errorCode === ErrorCode.NONE ? null : errorOf(errorCode, `Topic ${topic.name}`)
      if (known) this.#deliverParked(topic)
      else if (error && !error.retriable) this.#failParked(topic, error)
      else this.#cluster.requestMetadata()
    }
    this.#sender.metadataChanged()
  }

  #deliverParked(topic: TopicQueues): void {
    for (const parked of topic.parked.splice(0)) {
      this.#unpark(parked)
      this.#deliver(topic, parked)
    }
    this.#afterParked()
  }

  #deliver(topic: TopicQueues, parked: ParkedRecord): void {
    try {
      if (parked.resolve) parked.resolve(this.#enqueue(topic, parked.record))
      else this.#put(topic, parked.record, parked.record.timestamp!)
    } catch (error) {
      this.#reject(parked, error as Error)
    }
  }

  #failParked(topic: TopicQueues, error: Error): void {
    for (const parked of topic.parked.splice(0)) {
      this.#unpark(parked)
      this.#reject(parked, error)
    }
    this.#afterParked()
  }

  #reject(parked: ParkedRecord, error: Error): void {
    if (parked.reject) parked.reject(error)
    else this.#report(error, parked.record.topic, parked.record.partition ?? -1, 1)
  }

  /** Room has become free. */
  #released(): void {
    while (this.#blocked.length > 0 && !this.#accumulator.isFull) {
      const parked = this.#blocked.shift()!
      const topic = this.#topicOf(parked.record.topic)
      if (topic.isKnown) this.#deliver(topic, parked)
      else this.#park(topic, parked)
    }
    if (this.#blocked.length === 0) this.#wakeFlushes()
    this.#wakeReady()
  }

  #wakeReady(): void {
    if (this.#readyWaiters.length === 0 || !this.#hasRoom()) return
    for (const { resolve } of this.#readyWaiters.splice(0)) resolve()
  }

  #hasRoom(): boolean {
    return !this.#accumulator.isFull && this.#blocked.length === 0 && this.#parkedBytes < this.#settings.bufferBytes
  }

  #afterParked(): void {
    this.#wakeFlushes()
    this.#wakeReady()
  }

  #wakeFlushes(): void {
    for (const resolve of this.#flushWaiters.splice(0)) resolve()
  }

  /** One timer for all that wait: at the deadline of the first. */
  #armParkTimer(): void {
    const { clock } = this.#cluster.world
    this.#parkTimer ??= clock.timer(this.#settings.maxBlockMs, () => {
      this.#parkTimer = undefined
      const nowMs = clock.monotonic()
      const { maxBlockMs, bufferBytes } = this.#settings
      let earliestMs = Infinity
      while (this.#blocked.length > 0 && this.#blocked[0]!.deadlineMs <= nowMs)
        this.#reject(this.#blocked.shift()!, new BufferExhaustedError(bufferBytes, maxBlockMs))
      earliestMs = Math.min(earliestMs, this.#blocked[0]?.deadlineMs ?? Infinity)
      for (const { name, parked } of this.#topics.values()) {
        while (parked.length > 0 && parked[0]!.deadlineMs <= nowMs) {
          const first = parked.shift()!
          this.#unpark(first)
          const cause = errorOf(this.#cluster.metadata.errorOf(name) || ErrorCode.LEADER_NOT_AVAILABLE, `Topic ${name}`)
          this.#reject(first, new TimeoutError(`No metadata of topic ${name} within ${maxBlockMs} ms`, cause))
        }
        earliestMs = Math.min(earliestMs, parked[0]?.deadlineMs ?? Infinity)
      }
      this.#afterParked()
      if (earliestMs < Infinity) this.#armParkTimer()
    })
  }

  // Failures and the end

  #failed(batch: ProducerBatch, error: Error): void {
    if (batch.isUnobserved) this.#report(error, batch.queue.topic.name, batch.queue.index, batch.recordCount)
  }

  #report(error: Error, topic: string, partition: number, recordCount: number): void {
    this.#unreported ??= error
    this.#cluster.logger.warn('client.producer.failed', { topic, partition, records: recordCount, error: messageOf(error) })
    try {
      this.#options.onError?.(error, { topic, partition, recordCount })
    } catch (thrown) {
      this.#cluster.logger.error('client.producer.on-error-threw', { error: messageOf(thrown) })
    }
  }

  #shutDown(): void {
    const error = new ClosedError('producer')
    this.#parkTimer?.cancel()
    this.#sender.close()
    this.#accumulator.close()
    this.#cluster.close()
    for (const parked of this.#blocked.splice(0)) this.#reject(parked, error)
    for (const topic of this.#topics.values()) this.#failParked(topic, error)
    for (const batch of [...this.#accumulator.incomplete]) {
      if (batch.isSettled) continue
      batch.fail(error)
      this.#failed(batch, error)
    }
    for (const { reject } of this.#readyWaiters.splice(0)) reject(error)
  }
}
