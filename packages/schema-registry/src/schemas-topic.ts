import { Admin, type ClientOptions, Consumer, Producer } from '@millrace/client'
import { ErrorCode, KafkaError } from '@millrace/protocol'
import { type Logger, MillraceError, messageOf, sleep, type World } from '@millrace/runtime'
import { registryErrors } from './errors.ts'
import { decodeRecord, encodeRecord } from './records.ts'
import type { Decision, Registry } from './registry.ts'

const partition = 0

export interface SchemasTopicOptions {
  readonly client: ClientOptions & { readonly world: World }
  readonly logger: Logger
  /** Default `_schemas`. */
  readonly topic: string
  /** -1: the broker's default. */
  readonly replicationFactor: number
  /** A write that the broker has not acknowledged by then fails with 50002. */
  readonly writeTimeoutMs: number
  /** Whether this instance may write, asked between reading to the end and appending; another one may have become the primary meanwhile. */
  readonly mayWrite: () => boolean
}

/**
 * The shell of the registry's machine: one writer at a time, and one reader that applies what is in `_schemas`, its own writes included. A write reads to
 * the end of the topic first, decides, appends, and answers when the reader has applied it: who has been answered reads what was written.
 */
export class SchemasTopic {
  readonly #options: SchemasTopicOptions
  readonly #registry: Registry
  readonly #consumer: Consumer
  readonly #producer: Producer
  #appliedOffset = 0
  #waiting: { offset: number; resolve: () => void; reject: (error: Error) => void }[] = []
  #writes: Promise<unknown> = Promise.resolve()
  #reading: Promise<void> = Promise.resolve()
  #closed = false
  #failure: Error | undefined

  constructor(registry: Registry, options: SchemasTopicOptions) {
    this.#registry = registry
    this.#options = options
    this.#consumer = new Consumer({
      ...options.client,
      clientId: 'schema-registry',
      autoOffsetReset: 'earliest',
      enableAutoCommit: false,
    })
    this.#producer = new Producer({ ...options.client, clientId: 'schema-registry', lingerMs: 0, acks: 'all' })
  }

  /** Makes the topic if it is not there, refuses one that is not compacted, and replays it to its end. */
  async open(): Promise<void> {
    await this.#ensureTopic()
    this.#consumer.assign([{ topic: this.#options.topic, partition }])
    this.#consumer.seek({ topic: this.#options.topic, partition }, 0)
    this.#reading = this.#read()
    await this.caughtUp()
  }

  /** Decides and writes, one after the other. Throws RegistryError. */
  write<T>(decide: (registry: Registry) => Decision<T>): Promise<T> {
    const result = this.#writes.then(() => this.#write(decide))
    this.#writes = result.catch(() => {})
    return result
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#writes
    await this.#producer.close()
    await this.#consumer.close()
    await this.#reading
  }

  async #write<T>(decide: (registry: Registry) => Decision<T>): Promise<T> {
    const { topic, writeTimeoutMs, client } = this.#options
    await this.caughtUp()
    const { records, answer } = decide(this.#registry)
    if (records.length === 0) return answer()
    if (!this.#options.mayWrite()) throw registryErrors.unknownPrimary()
    const { promise: expired, reject: expire } = Promise.withResolvers<never>()
    // Nobody may be waiting any more.
    expired.catch(() => {})
    const timer = client.world.clock.timer(writeTimeoutMs, () => expire(registryErrors.storeTimeout()))
    const written = Promise.all(records.map(record => this.#producer.send({ topic, partition, ...encodeRecord(record) })))
    try {
      const metadata = await Promise.race([written, expired])
      await Promise.race([this.#applied(metadata.at(-1)!.offset + 1), expired])
    } catch (error) {
      if (error instanceof MillraceError && error.code === 'SCHEMA_REGISTRY') throw error
      throw registryErrors.storeFailed(messageOf(error))
    } finally {
      timer.cancel()
    }
    return answer()
  }

  async caughtUp(): Promise<void> {
    const [end] = await this.#consumer.endOffsets([{ topic: this.#options.topic, partition }])
    await this.#applied(end!)
  }

  #applied(offset: number): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure)
    if (this.#appliedOffset >= offset) return Promise.resolve()
    return new Promise((resolve, reject) => this.#waiting.push({ offset, resolve, reject }))
  }

  async #read(): Promise<void> {
    const { logger, topic, client } = this.#options
    while (!this.#closed) {
      try {
        for (const batch of await this.#consumer.poll(500)) {
          const records = batch.records()
          while (records.next()) this.#apply(records.key(), records.value(), records.offset)
          this.#advance(batch.nextOffset)
        }
      } catch (error) {
        if (this.#closed) return
        logger.error('schemas-topic-read-failed', { topic, reason: messageOf(error) })
        // The client retries what passes by itself: what reaches this place may need a person, so it is tried again, slowly.
        await sleep(client.world.clock, 1000)
      }
    }
  }

  #apply(key: Uint8Array | null, value: Uint8Array | null, offset: number): void {
    if (!key) return
    try {
      this.#registry.apply(decodeRecord(Buffer.from(key).toString(), value && Buffer.from(value).toString()))
    } catch (error) {
      this.#options.logger.warn('schemas-record-skipped', { offset, reason: messageOf(error) })
    }
  }

  #advance(offset: number): void {
    this.#appliedOffset = offset
    const ready = this.#waiting.filter(waiter => waiter.offset <= offset)
    if (ready.length === 0) return
    this.#waiting = this.#waiting.filter(waiter => waiter.offset > offset)
    for (const { resolve } of ready) resolve()
  }

  async #ensureTopic(): Promise<void> {
    const { topic, replicationFactor } = this.#options
    const admin = new Admin({ ...this.#options.client, clientId: 'schema-registry' })
    try {
      await admin.createTopics([{ topic, partitions: 1, replicationFactor, configs: { 'cleanup.policy': 'compact' } }])
    } catch (error) {
      if (!(error instanceof KafkaError) || error.errorCode !== ErrorCode.TOPIC_ALREADY_EXISTS) throw error
      const [described] = await admin.describeConfigs([{ type: 'topic', name: topic }])
      const policy = described?.entries.find(entry => entry.name === 'cleanup.policy')?.value
      if (policy !== 'compact') {
        throw new MillraceError('SCHEMAS_TOPIC', `Topic ${topic} has cleanup.policy=${policy}, which would lose schemas`, {
          hint: `set cleanup.policy=compact on ${topic}`,
        })
      }
    } finally {
      await admin.close()
    }
  }
}
