import { type AlterPartitionRequest, type AlterPartitionResponse, ErrorCode } from '@millrace/protocol'
import { partitionOf } from '../../partition/testing/partition-metadata.ts'
import type { BrokerMetadata, PartitionMetadata, TopicMetadata } from '../../services.ts'

interface BrokerState {
  epoch: number
  fenced: boolean
}

export interface ControllerImage {
  readonly topic: TopicMetadata
  readonly brokers: readonly BrokerMetadata[]
}

/**
 * For tests: decides as a controller of Apache Kafka's rules does, at once: fences, elects from the in-sync set, and takes AlterPartition. One topic.
 * Every change is an image of everything, given to `publish`.
 */
export class TestController {
  readonly #brokers = new Map<number, BrokerState>()
  readonly #publish: (image: ControllerImage) => void
  #partitions: PartitionMetadata[] = []
  /** Where partitions are on their way to. */
  readonly #targets = new Map<number, readonly number[]>()
  #nextEpoch = 1

  constructor(publish: (image: ControllerImage) => void) {
    this.#publish = publish
  }

  get image(): ControllerImage {
    return {
      topic: { name: 't', topicId: 'dDAAAAAAAAAAAAAAAAAAAA', partitions: this.#partitions },
      brokers: [...this.#brokers].map(([id, { epoch, fenced }]) => ({ id, epoch, fenced, rack: null, listeners: [] })),
    }
  }

  partition(index: number): PartitionMetadata {
    return this.#partitions[index]!
  }

  createPartition(replicas: readonly number[]): void {
    this.#partitions = [...this.#partitions, partitionOf({ leader: replicas[0]!, replicas, leaderRecoveryState: 0 })]
    this.#publish(this.image)
  }

  /** A broker's new process: what it led and was in sync with in its former life is over. `isClean`: its logs are whole. */
  register(brokerId: number, isClean: boolean): number {
    const epoch = this.#nextEpoch++
    if (this.#brokers.get(brokerId)?.fenced === false) this.fence(brokerId)
    this.#brokers.set(brokerId, { epoch, fenced: true })
    if (!isClean) this.#change(partition => (partition.isr.length > 1 ? this.#without(partition, brokerId) : partition))
    return epoch
  }

  unfence(brokerId: number): void {
    this.#brokers.get(brokerId)!.fenced = false
    this.#change(partition =>
      partition.leader < 0 && partition.isr.includes(brokerId) ? elected(partition, brokerId) : partition,
    )
  }

  fence(brokerId: number): void {
    const broker = this.#brokers.get(brokerId)
    if (!broker || broker.fenced) return
    broker.fenced = true
    this.#change(partition => this.#without(partition, brokerId))
  }

  isFenced(brokerId: number): boolean {
    return this.#brokers.get(brokerId)?.fenced !== false
  }

  /** Gives the partition to another member of its in-sync set, if there is one. */
  moveLeader(index: number, pick: (candidates: readonly number[]) => number): void {
    const { isr, leader } = this.partition(index)
    const candidates = isr.filter(id => id !== leader && !this.isFenced(id))
    if (candidates.length === 0) return
    const next = pick(candidates)
    this.#change((partition, at) => (at === index ? elected(partition, next) : partition))
  }

  /** Elects whom the test wants, in sync or not (recovering: it has lost what the others had). */
  electUncleanly(index: number, leader: number): void {
    this.#change((partition, at) =>
      at === index ? { ...elected(partition, leader), isr: [leader], leaderRecoveryState: 1 } : partition,
    )
  }

  /** The new replicas follow beside the old ones until all of them are in sync; then those alone stay. */
  reassign(index: number, target: readonly number[]): void {
    this.#targets.set(index, target)
    this.#change((partition, at) => {
      if (at !== index) return partition
      const replicas = [...new Set([...partition.replicas, ...target])]
      return { ...partition, replicas, partitionEpoch: partition.partitionEpoch + 1 }
    })
  }

  alterPartition({ brokerId, brokerEpoch, topics }: AlterPartitionRequest): AlterPartitionResponse {
    if (this.#brokers.get(brokerId)?.epoch !== brokerEpoch)
      return { throttleTimeMs: 0, errorCode: ErrorCode.STALE_BROKER_EPOCH, topics: [] }
    const answers = topics.map(({ topicId, partitions }) => ({
      topicId,
      partitions: partitions.map(asked => {
        const { partitionIndex } = asked
        const before = this.partition(partitionIndex)
        const errorCode = this.#check(brokerId, asked, before)
        if (errorCode !== ErrorCode.NONE) return refused(partitionIndex, errorCode)
        const isr = asked.newIsrWithEpochs.map(member => member.brokerId)
        const { leaderRecoveryState } = asked
        this.#change((partition, at) =>
          at === partitionIndex
            ? { ...partition, isr, leaderRecoveryState, partitionEpoch: partition.partitionEpoch + 1 }
            : partition,
        )
        if (this.#isReassigned(partitionIndex)) {
          this.#endReassignment(partitionIndex)
          if (this.partition(partitionIndex).leader !== brokerId) return refused(partitionIndex, ErrorCode.NEW_LEADER_ELECTED)
        }
        const { leader, leaderEpoch, partitionEpoch, isr: altered } = this.partition(partitionIndex)
        return { partitionIndex, errorCode, leaderId: leader, leaderEpoch, isr: altered, leaderRecoveryState, partitionEpoch }
      }),
    }))
    return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, topics: answers }
  }

  #isReassigned(index: number): boolean {
    const target = this.#targets.get(index)
    return target?.every(id => this.partition(index).isr.includes(id)) === true
  }

  #endReassignment(index: number): void {
    const target = this.#targets.get(index)!
    this.#targets.delete(index)
    this.#change((partition, at) => {
      if (at !== index) return partition
      const moved = { ...partition, replicas: target, isr: partition.isr.filter(id => target.includes(id)) }
      // Whoever stops to be a replica must not go on in the epoch.
      const leader = target.includes(partition.leader) ? partition.leader : moved.isr.find(id => !this.isFenced(id))
      return elected(moved, leader ?? -1)
    })
  }

  #check(
    brokerId: number,
    asked: AlterPartitionRequest['topics'][number]['partitions'][number],
    { leader, leaderEpoch, partitionEpoch }: PartitionMetadata,
  ): number {
    if (asked.leaderEpoch !== leaderEpoch || brokerId !== leader) return ErrorCode.FENCED_LEADER_EPOCH
    if (asked.partitionEpoch !== partitionEpoch) return ErrorCode.INVALID_UPDATE_VERSION
    const isEligible = asked.newIsrWithEpochs.every(member => {
      const broker = this.#brokers.get(member.brokerId)
      return broker !== undefined && !broker.fenced && (member.brokerEpoch < 0 || member.brokerEpoch === broker.epoch)
    })
    return isEligible ? ErrorCode.NONE : ErrorCode.INELIGIBLE_REPLICA
  }

  /** The last member stays, since only it is known to have everything. */
  #without(partition: PartitionMetadata, brokerId: number): PartitionMetadata {
    const rest = partition.isr.filter(id => id !== brokerId)
    if (partition.leader !== brokerId && (rest.length === 0 || rest.length === partition.isr.length)) return partition
    const isr = rest.length === 0 ? partition.isr : rest
    const changed = { ...partition, isr }
    if (partition.leader !== brokerId) return { ...changed, partitionEpoch: partition.partitionEpoch + 1 }
    return elected(changed, isr.find(id => !this.isFenced(id)) ?? -1)
  }

  #change(change: (partition: PartitionMetadata, index: number) => PartitionMetadata): void {
    this.#partitions = this.#partitions.map(change)
    this.#publish(this.image)
  }
}

function refused(partitionIndex: number, errorCode: number) {
  return { partitionIndex, errorCode, leaderId: 0, leaderEpoch: 0, isr: [], leaderRecoveryState: 0, partitionEpoch: 0 }
}

function elected(partition: PartitionMetadata, leader: number): PartitionMetadata {
  return {
    ...partition,
    leader,
    leaderEpoch: partition.leaderEpoch + 1,
    partitionEpoch: partition.partitionEpoch + 1,
    leaderRecoveryState: 0,
  }
}
