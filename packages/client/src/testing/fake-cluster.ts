import {
  BatchView,
  ErrorCode,
  Fetch,
  type FetchRequest,
  ListOffsets,
  Metadata,
  Produce,
  type ProduceRequest,
  setBaseOffsetAndEpoch,
} from '@millrace/protocol'
import type { World } from '@millrace/runtime'
import { FakeBroker } from './fake-broker.ts'

/** Version of Fetch from which on answers have the addresses of leaders. */
const endpointsSince = 16

/** What a test's universe has: machines that can be ended and stopped, and time. */
interface Universe {
  machine(name: string): { boot(): World; kill(): void; pause(forMs: number): void; readonly isRunning: boolean }
  readonly scheduler: { after(ms: number, run: () => void): unknown }
}

interface Stored {
  readonly bytes: Uint8Array
  readonly view: BatchView
}

/** One partition, as a cluster keeps it: what is replicated survives its leader, what the leader alone has does not. */
class FakePartition {
  leader: number
  leaderEpoch = 0
  /** The leader's log, and how far the followers have it. */
  readonly log: Stored[] = []
  replicatedCount = 0
  /** By producer: its batches in the log, oldest first. */
  readonly #producers = new Map<number, BatchView[]>()

  constructor(leader: number) {
    this.leader = leader
  }

  get highWatermark(): number {
    return this.log[this.replicatedCount - 1]?.view.nextOffset ?? 0
  }

  elect(leader: number): void {
    this.leader = leader
    this.leaderEpoch++
    for (const { view } of this.log.splice(this.replicatedCount)) this.#producers.get(view.producerId)!.pop()
  }

  /** Followers have everything below the offset. */
  replicate(nextOffset: number): void {
    while (this.replicatedCount < this.log.length && this.log[this.replicatedCount]!.view.nextOffset <= nextOffset)
      this.replicatedCount++
  }

  /** Replicated batches from an offset on. */
  read(offset: number, count: number): Uint8Array[] {
    const from = this.log.findIndex(({ view }) => view.lastOffset >= offset)
    return from < 0 ? [] : this.log.slice(from, Math.min(this.replicatedCount, from + count)).map(({ bytes }) => bytes)
  }

  /** Kafka's checks: the next sequence, the first of a new epoch, or one of the last five batches again. */
  append(records: Uint8Array): { errorCode: number; baseOffset: number; nextOffset: number } {
    const refused = (errorCode: number) => ({ errorCode, baseOffset: -1, nextOffset: -1 })
    const { producerId, producerEpoch, baseSequence } = BatchView.at(records, 0)!
    let own = this.#producers.get(producerId)
    if (!own) this.#producers.set(producerId, (own = []))
    const last = own.at(-1)
    if (producerId >= 0) {
      const known = own.slice(-5).find(view => view.producerEpoch === producerEpoch && view.baseSequence === baseSequence)
      if (known) return { errorCode: ErrorCode.NONE, baseOffset: known.baseOffset, nextOffset: known.nextOffset }
      if (last && producerEpoch < last.producerEpoch) return refused(ErrorCode.INVALID_PRODUCER_EPOCH)
      const expected = last && last.producerEpoch === producerEpoch ? last.lastSequence + 1 : 0
      if (baseSequence !== expected) return refused(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    }
    const bytes = records.slice()
    const baseOffset = this.log.at(-1)?.view.nextOffset ?? 0
    setBaseOffsetAndEpoch(bytes, 0, baseOffset, this.leaderEpoch)
    const view = BatchView.at(bytes, 0)!
    this.log.push({ bytes, view })
    own.push(view)
    return { errorCode: ErrorCode.NONE, baseOffset, nextOffset: view.nextOffset }
  }
}

export interface FakeClusterOptions {
  /** From an append to the moment when followers have it. Default 3. */
  readonly replicationMs?: number
  /** Errors of leaders that have moved name the new one (KIP-951). Default true. */
  readonly hints?: boolean
}

/** Several fake brokers that replicate one topic `t`. The test kills machines and elects leaders; metadata tell at once. */
export class FakeCluster {
  readonly brokers: FakeBroker[] = []
  readonly partitions: FakePartition[]
  readonly #universe: Universe
  readonly #options: FakeClusterOptions
  readonly #fenced = new Set<number>()

  constructor(universe: Universe, brokers: number, partitions: number, options: FakeClusterOptions = {}) {
    this.#universe = universe
    this.#options = options
    this.partitions = Array.from({ length: partitions }, (_, index) => new FakePartition(1 + (index % brokers)))
    for (let id = 1; id <= brokers; id++) {
      const broker = new FakeBroker(`broker-${id}`, id)
      broker.topics.set('t', partitions)
      this.brokers.push(broker)
    }
    this.serveAll()
  }

  /** Takes back what a test had brokers say instead. */
  serveAll(): void {
    for (const broker of this.brokers) {
      const { nodeId: id } = broker
      broker.on(Produce, ({ body }) => this.#produce(id, body))
      broker.on(Fetch, ({ body, version }) => this.#fetch(id, body, version))
      broker.on(ListOffsets, ({ body }) => this.#listOffsets(id, body))
      broker.on(Metadata, ({ body }) => this.#metadata(body.topics?.map(({ name }) => name!) ?? ['t']))
    }
  }

  get bootstrapServers(): string {
    return this.brokers.map(({ bootstrapServers }) => bootstrapServers).join(',')
  }

  async start(): Promise<void> {
    for (const broker of this.brokers) await broker.listen(this.#universe.machine(broker.host).boot())
  }

  /** SIGKILL: connections break. Its partitions are elected elsewhere after `electionMs`, as when its session has ended. */
  kill(id: number, electionMs: number): void {
    this.#universe.machine(`broker-${id}`).kill()
    this.#leaveTo(id, electionMs)
  }

  /** SIGSTOP: nobody hears of it. */
  pause(id: number, forMs: number, electionMs: number): void {
    this.#universe.machine(`broker-${id}`).pause(forMs)
    this.#leaveTo(id, electionMs)
  }

  /** It may lead again. */
  unfence(id: number): void {
    this.#fenced.delete(id)
  }

  async restart(id: number): Promise<void> {
    this.unfence(id)
    await this.brokers[id - 1]!.listen(this.#universe.machine(`broker-${id}`).boot())
  }

  /** The brokers that may lead. */
  alive(): number[] {
    return this.brokers.map(({ nodeId }) => nodeId).filter(id => !this.#fenced.has(id))
  }

  /** Record values of a partition, in order. */
  values(partition: number): string[] {
    const { log, replicatedCount } = this.partitions[partition]!
    return log.slice(0, replicatedCount).flatMap(({ view }) => {
      const values: string[] = []
      const cursor = view.records()
      while (cursor.next()) values.push(Buffer.from(cursor.value()!).toString())
      return values
    })
  }

  #leaveTo(id: number, electionMs: number): void {
    this.#universe.scheduler.after(electionMs, () => {
      this.#fenced.add(id)
      const others = this.alive()
      for (const [index, partition] of this.partitions.entries())
        if (partition.leader === id) partition.elect(others[index % others.length] ?? -1)
    })
  }

  #after(ms: number): Promise<void> {
    return new Promise(resolve => this.#universe.scheduler.after(ms, resolve))
  }

  #isRunning(id: number): boolean {
    return this.#universe.machine(`broker-${id}`).isRunning
  }

  #notLeader(partition: FakePartition) {
    const { leader: leaderId, leaderEpoch } = partition
    const hint = (this.#options.hints ?? true) && leaderId >= 0
    return { errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, ...(hint ? { currentLeader: { leaderId, leaderEpoch } } : {}) }
  }

  async #produce(id: number, { topicData }: ProduceRequest) {
    const [topic] = topicData
    const partitionResponses = await Promise.all(
      topic!.partitionData.map(async ({ index, records }) => {
        const partition = this.partitions[index]!
        const { leaderEpoch } = partition
        const isLeader = () => partition.leader === id && partition.leaderEpoch === leaderEpoch
        if (!isLeader()) return { index, ...this.#notLeader(partition) }
        const { errorCode, baseOffset, nextOffset } = partition.append(records!)
        if (errorCode !== ErrorCode.NONE) return { index, errorCode }
        await this.#after(this.#options.replicationMs ?? 3)
        if (!isLeader()) return { index, ...this.#notLeader(partition) }
        if (this.#isRunning(id)) partition.replicate(nextOffset)
        return { index, errorCode: ErrorCode.NONE, baseOffset }
      }),
    )
    return { responses: [{ name: topic!.name, topicId: topic!.topicId, partitionResponses }], nodeEndpoints: this.#endpoints() }
  }

  async #fetch(id: number, { topics, maxWaitMs }: FetchRequest, version: number) {
    const answer = () =>
      topics.map(({ topic, topicId, partitions }) => ({
        topic,
        topicId,
        partitions: partitions.map(({ partition: partitionIndex, fetchOffset, currentLeaderEpoch }) => {
          const partition = this.partitions[partitionIndex]!
          if (partition.leader !== id) return { partitionIndex, ...this.#notLeader(partition), highWatermark: -1 }
          if (currentLeaderEpoch > partition.leaderEpoch)
            return { partitionIndex, errorCode: ErrorCode.UNKNOWN_LEADER_EPOCH, highWatermark: -1 }
          if (currentLeaderEpoch >= 0 && currentLeaderEpoch < partition.leaderEpoch)
            return { partitionIndex, errorCode: ErrorCode.FENCED_LEADER_EPOCH, highWatermark: -1 }
          const { highWatermark } = partition
          return { partitionIndex, highWatermark, records: Buffer.concat(partition.read(fetchOffset, 20)) }
        }),
      }))
    let responses = answer()
    const isEmpty = () =>
      responses.every(({ partitions }) => partitions.every(each => !('records' in each) || each.records!.length === 0))
    if (isEmpty()) {
      await this.#after(Math.min(maxWaitMs, 20))
      responses = answer()
    }
    return { responses, ...(version >= endpointsSince ? { nodeEndpoints: this.#endpoints() } : {}) }
  }

  #listOffsets(id: number, { topics }: { topics: readonly any[] }) {
    return {
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex, timestamp }: { partitionIndex: number; timestamp: number }) => {
          const partition = this.partitions[partitionIndex]!
          if (partition.leader !== id) return { partitionIndex, errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER }
          return { partitionIndex, offset: timestamp === -2 ? 0 : partition.highWatermark }
        }),
      })),
    }
  }

  #endpoints() {
    return this.brokers.map(({ nodeId, host, port }) => ({ nodeId, host, port }))
  }

  #metadata(names: readonly string[]) {
    const alive = new Set(this.alive())
    return {
      brokers: this.#endpoints().filter(({ nodeId }) => alive.has(nodeId)),
      clusterId: 'fake',
      controllerId: 1,
      topics: names.map(name => ({
        name,
        topicId: this.brokers[0]!.topicId(name),
        partitions: this.partitions.map(({ leader, leaderEpoch }, partitionIndex) => ({
          partitionIndex,
          leaderId: leader,
          leaderEpoch,
          errorCode: leader < 0 ? ErrorCode.LEADER_NOT_AVAILABLE : ErrorCode.NONE,
        })),
      })),
    }
  }
}
