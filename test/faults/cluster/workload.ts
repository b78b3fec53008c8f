import { Consumer, Producer } from '@millrace/client'
import { type Anomaly, checkHistory, History, type Operation } from '@millrace/testkit'
import { until } from '../../conformance/process-harness.ts'
import type { ClusterUnderTest } from './cluster-under-test.ts'
import { JavaConsumer, JavaProducer } from './java-clients.ts'

export const partitions = 3
/** Of our clients, and of Apache Kafka's. */
export const topics = ['rig', 'rig-java'] as const
const producers = 2
const sendEveryMs = 10
/** Values of one producer: far apart from the others'. */
const valuesEach = 1_000_000_000
const group = 'rig'

/** What a workload has done so far. */
export interface Figures {
  readonly acknowledged: number
  readonly read: number
  /** Longest time between two acknowledgements since the last call of `startInterval`, of any producer. */
  readonly longestSilenceMs: number
}

/** Producers and consumers that run for as long as the cluster suffers, ours and Apache Kafka's, with one history of what they saw. */
export class Workload {
  readonly history = new History()
  readonly #cluster: ClusterUnderTest
  readonly #java: readonly [JavaProducer, JavaConsumer] | null
  readonly #producers: Producer[] = []
  readonly #loops: Promise<void>[] = []
  readonly #consumers: Consumer[] = []
  #acknowledged = 0
  #read = 0
  #lastAcknowledgedMs = performance.now()
  #longestSilenceMs = 0
  #stopping = false
  #readers = 0
  readonly #failures: string[] = []

  private constructor(cluster: ClusterUnderTest, withJava: boolean) {
    this.#cluster = cluster
    const acknowledged = () => this.#acknowledge()
    this.#java = withJava
      ? [
          new JavaProducer(cluster.bootstrapServers, topics[1], this.history, acknowledged),
          new JavaConsumer(cluster.bootstrapServers, topics[1], this.history, count => (this.#read += count)),
        ]
      : null
  }

  /** Makes the topics and starts everything; resolves when the first records are acknowledged and read. */
  static async start(cluster: ClusterUnderTest, { java = true }: { java?: boolean } = {}): Promise<Workload> {
    await cluster.admin.createTopics(
      topics.map(topic => ({
        topic,
        partitions,
        replicationFactor: cluster.nodes.length,
        configs: { 'min.insync.replicas': '2', 'segment.bytes': String(2 ** 20) },
      })),
    )
    const workload = new Workload(cluster, java)
    for (let i = 0; i < producers; i++) workload.#loops.push(workload.#produce(i))
    for (let i = 0; i < 2; i++) workload.#loops.push(workload.#consume(`consumer-${i}`))
    await workload.progress()
    await until('records read', () => workload.#read > 0)
    if (workload.#java !== null) for (const each of workload.#java) await each.started
    return workload
  }

  get figures(): Figures {
    const silenceMs = Math.max(this.#longestSilenceMs, performance.now() - this.#lastAcknowledgedMs)
    return { acknowledged: this.#acknowledged, read: this.#read, longestSilenceMs: Math.round(silenceMs) }
  }

  startInterval(): void {
    this.#longestSilenceMs = 0
  }

  /** Resolves when each producer has something acknowledged that was sent after this call. */
  async progress(timeoutMs = 60_000): Promise<void> {
    const before = new Map(this.#progress)
    await until(
      `progress of ${this.#loops.length > 0 ? producers : 0} producers; ${this.#failures.at(-1) ?? ''}`,
      () => Array.from({ length: producers }, (_, i) => i).every(i => (this.#progress.get(i) ?? 0) > (before.get(i) ?? 0) + 20),
      timeoutMs,
    )
  }
  readonly #progress = new Map<number, number>()

  async #produce(id: number): Promise<void> {
    const process = `producer-${id}`
    const producer = new Producer({
      bootstrapServers: this.#cluster.bootstrapServers,
      clientId: process,
      requestTimeoutMs: 5000,
      deliveryTimeoutMs: 30_000,
      lingerMs: 2,
    })
    this.#producers.push(producer)
    for (let sequence = 0; !this.#stopping; sequence++) {
      const [value, partition] = [id * valuesEach + sequence, sequence % partitions]
      const operation = this.history.send(process, `${topics[0]}-${partition}`, value)
      producer.send({ topic: topics[0], partition, value: String(value) }).then(
        ({ offset }) => {
          operation.outcome = 'ok'
          operation.offset = offset
          this.#progress.set(id, (this.#progress.get(id) ?? 0) + 1)
          this.#acknowledge()
        },
        // Whether it was written nobody knows: the history says `info`.
        error => this.#failures.push(`${process}: ${error}`),
      )
      await new Promise(resolve => setTimeout(resolve, sendEveryMs))
    }
  }

  async #consume(process: string): Promise<void> {
    const consumer = new Consumer({
      bootstrapServers: this.#cluster.bootstrapServers,
      clientId: process,
      groupId: group,
      autoOffsetReset: 'earliest',
      enableAutoCommit: false,
      sessionTimeoutMs: 10_000,
      requestTimeoutMs: 5000,
    })
    this.#consumers.push(consumer)
    consumer.subscribe([topics[0]], {
      assigned: assigned => this.history.assign(process, assigned.map(keyOf)),
      revoked: () => {},
      lost: () => {},
    })
    while (!this.#stopping) {
      try {
        const batches = await consumer.poll(200)
        for (const batch of batches) {
          const records = []
          for (const cursor = batch.records(); cursor.next(); )
            records.push({ key: keyOf(batch), offset: cursor.offset, value: Number(textOf(cursor.value())) })
          this.#read += records.length
          this.history.poll(process, records, group)
        }
        if (batches.length === 0) continue
        const commits = batches.map(batch => ({
          operation: this.history.commit(group, keyOf(batch), batch.nextOffset),
          commit: { topic: batch.topic, partition: batch.partition, offset: batch.nextOffset },
        }))
        await consumer.commit(commits.map(({ commit }) => commit))
        for (const { operation } of commits) this.history.settle(operation)
      } catch (error) {
        // A rebalance, a broker on its way: what was polled is known, whether it was committed is not.
        this.#failures.push(`${process}: ${error}`)
        await new Promise(resolve => setTimeout(resolve, 100))
      }
    }
  }

  /**
   * Reads everything from the beginning with fresh consumers, and judges what all clients saw. What is acknowledged while it reads is not asked for.
   */
  async check(): Promise<Anomaly[]> {
    const asked = new Set(this.history.operations.filter(each => each.kind === 'send' && each.outcome === 'ok'))
    for (const [i, topic] of topics.entries()) if (i === 0 || this.#java !== null) await this.#readAll(topic)
    await this.#readCommitted()
    this.#java?.[0].declareUnknown()
    const operations = this.history.operations.map(
      (each): Operation =>
        each.kind === 'send' && each.outcome === 'ok' && !asked.has(each) ? { ...each, outcome: 'info' } : each,
    )
    return checkHistory(operations)
  }

  async #readAll(topic: string): Promise<void> {
    const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
    const ends = await this.#cluster.admin.listOffsets(all.map(each => ({ ...each, timestamp: -1 })))
    const process = `reader-${++this.#readers}`
    const consumer = new Consumer({
      bootstrapServers: this.#cluster.bootstrapServers,
      clientId: process,
      autoOffsetReset: 'earliest',
      enableAutoCommit: false,
    })
    try {
      consumer.assign(all)
      this.history.assign(process, all.map(keyOf))
      const positions = new Map(all.map(each => [each.partition, 0]))
      await until(`${topic} read to its end`, async () => {
        for (const batch of await consumer.poll(500)) {
          const records = []
          for (const cursor = batch.records(); cursor.next(); )
            records.push({ key: keyOf(batch), offset: cursor.offset, value: Number(textOf(cursor.value())) })
          this.history.poll(process, records)
          positions.set(batch.partition, batch.nextOffset)
        }
        return ends.every(({ partition, offset }) => positions.get(partition)! >= offset)
      })
    } finally {
      await consumer.close()
    }
  }

  /** What the group has committed must be what was acknowledged to it. */
  async #readCommitted(): Promise<void> {
    const all = Array.from({ length: partitions }, (_, partition) => ({ topic: topics[0], partition }))
    const calledAt = this.history.mark()
    const committed = await this.#cluster.admin.fetchOffsets(group, all)
    for (const [i, each] of committed.entries()) this.history.committed(group, keyOf(all[i]!), each?.offset ?? null, calledAt)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all(this.#loops)
    await Promise.all(this.#producers.map(producer => producer.close()))
    await Promise.all(this.#consumers.map(consumer => consumer.close()))
    if (this.#java !== null) await Promise.all(this.#java.map(each => each.stop()))
  }

  /** What clients complained of, the last ones. */
  toString(): string {
    return this.#failures.slice(-10).join('\n')
  }

  #acknowledge(): void {
    const nowMs = performance.now()
    this.#longestSilenceMs = Math.max(this.#longestSilenceMs, nowMs - this.#lastAcknowledgedMs)
    this.#lastAcknowledgedMs = nowMs
    this.#acknowledged++
  }
}

function keyOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}-${partition}`
}

const decoder = new TextDecoder()

function textOf(bytes: Uint8Array | null): string {
  return bytes === null ? '' : decoder.decode(bytes)
}
