import { ErrorCode } from '@millrace/protocol'
import type { PartitionMetadata } from '../services.ts'
import type { IsrAnswer, IsrProposal, ReplicaEnvironment } from './replica-environment.ts'
import { ReplicaProgress } from './replica-progress.ts'

/** What the leader of an uncleanly elected leadership says with its first change: its log is the truth from now on. */
const recovered = 0

interface PartitionId {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
}

/**
 * The in-sync set of a partition led here: the committed one, the one that the controller was asked for, and how far each replica has come.
 * While a change is pending both count (the maximal set): whichever the controller ends with, its members have what was committed.
 */
export class InSyncSet {
  readonly #id: PartitionId
  readonly #environment: ReplicaEnvironment
  readonly #changed: () => void
  readonly #progress = new Map<number, ReplicaProgress>()
  #leaderEpoch: number
  #partitionEpoch: number
  #isr: readonly number[]
  #pending: { readonly proposal: IsrProposal; readonly isr: readonly number[] } | null = null
  #isOver = false

  /** `changed` is called when the controller has answered: the high watermark may move. */
  constructor(id: PartitionId, metadata: PartitionMetadata, environment: ReplicaEnvironment, changed: () => void) {
    this.#id = id
    this.#environment = environment
    this.#changed = changed
    this.#leaderEpoch = metadata.leaderEpoch
    this.#partitionEpoch = metadata.partitionEpoch
    this.#isr = metadata.isr
    this.#renew(metadata, true)
  }

  /** As committed by the controller; the leader is in it. */
  get isr(): readonly number[] {
    return this.#isr
  }
  get partitionEpoch(): number {
    return this.#partitionEpoch
  }
  get isPending(): boolean {
    return this.#pending !== null
  }
  /** The other replicas. */
  get replicas(): ReadonlyMap<number, ReplicaProgress> {
    return this.#progress
  }

  /** New metadata. What is not newer than what the controller has answered is left aside. */
  update(metadata: PartitionMetadata): void {
    const isNewEpoch = metadata.leaderEpoch !== this.#leaderEpoch
    if (!isNewEpoch && metadata.partitionEpoch <= this.#partitionEpoch) return
    this.#leaderEpoch = metadata.leaderEpoch
    this.#partitionEpoch = metadata.partitionEpoch
    this.#isr = metadata.isr
    this.#pending = null
    this.#renew(metadata, isNewEpoch)
  }

  /** The leadership has ended: answers change nothing any more. */
  end(): void {
    this.#isOver = true
    this.#pending = null
  }

  /**
   * The offset up to which every replica of the maximal set has the log, and those that are about to join. It does not move while the set is
   * smaller than `minIsr` (KIP-966), nor while a member has not fetched yet, and never back.
   */
  highWatermark(current: number, localEndOffset: number, minIsr: number): number {
    if (this.#isr.length < minIsr) return current
    if (this.#progress.size === 0) return Math.max(current, localEndOffset)
    let lowest = localEndOffset
    for (const progress of this.#progress.values())
      if (progress.logEndOffset < lowest && (this.#isInMaximal(progress.brokerId) || this.#mayJoin(progress, localEndOffset)))
        lowest = progress.logEndOffset
    return Math.max(current, lowest)
  }

  /** The leader's log ends behind `before` now. */
  grown(before: number): void {
    for (const progress of this.#progress.values()) progress.leftBehind(before)
  }

  /** Asks for a larger set when the replica, which has just fetched, has everything that is committed and everything before this leadership. */
  expandBy(progress: ReplicaProgress, highWatermark: number, epochStartOffset: number): void {
    if (this.#mayExpandBy(progress, highWatermark, epochStartOffset)) this.#propose([...this.#isr, progress.brokerId])
  }

  /**
   * The same for all that have kept up: somebody was unfenced, or another change is not pending any more. A follower that has everything fetches
   * nothing that would say so again.
   */
  expand(leaderEndOffset: number, highWatermark: number, epochStartOffset: number): void {
    if (this.#pending !== null || this.#isr.length > this.#progress.size) return
    const { lagTimeMaxMs } = this.#environment
    const nowMs = this.#environment.nowMs()
    const joining: number[] = []
    for (const progress of this.#progress.values())
      if (
        progress.isCaughtUp(leaderEndOffset, nowMs, lagTimeMaxMs) &&
        this.#mayExpandBy(progress, highWatermark, epochStartOffset)
      )
        joining.push(progress.brokerId)
    if (joining.length > 0) this.#propose([...this.#isr, ...joining])
  }

  #mayExpandBy(
    { brokerId, brokerEpoch, logEndOffset }: ReplicaProgress,
    highWatermark: number,
    epochStartOffset: number,
  ): boolean {
    if (this.#pending !== null || this.#isr.includes(brokerId)) return false
    if (logEndOffset < highWatermark || logEndOffset < epochStartOffset) return false
    return this.#environment.mayBeInSync(brokerId, brokerEpoch)
  }

  /** Asks for a smaller set when members have lagged for too long. */
  shrink(leaderEndOffset: number): void {
    if (this.#pending !== null || this.#isr.length === 1) return
    const { nodeId, lagTimeMaxMs } = this.#environment
    const nowMs = this.#environment.nowMs()
    const staying = this.#isr.filter(
      id => id === nodeId || this.#progress.get(id)?.isCaughtUp(leaderEndOffset, nowMs, lagTimeMaxMs) === true,
    )
    if (staying.length < this.#isr.length) this.#propose(staying)
  }

  #isInMaximal(brokerId: number): boolean {
    return this.#isr.includes(brokerId) || this.#pending?.isr.includes(brokerId) === true
  }

  /** One that has kept up but is not in the set yet: what were committed without it now might be what it lacks when it joins. */
  #mayJoin(progress: ReplicaProgress, leaderEndOffset: number): boolean {
    const environment = this.#environment
    return (
      progress.logEndOffset >= 0 &&
      progress.isCaughtUp(leaderEndOffset, environment.nowMs(), environment.lagTimeMaxMs) &&
      environment.mayBeInSync(progress.brokerId, progress.brokerEpoch)
    )
  }

  #renew({ replicas, isr }: PartitionMetadata, isNewEpoch: boolean): void {
    const { nodeId } = this.#environment
    const nowMs = this.#environment.nowMs()
    for (const id of this.#progress.keys()) if (isNewEpoch || !replicas.includes(id)) this.#progress.delete(id)
    for (const id of replicas)
      if (id !== nodeId && !this.#progress.has(id))
        this.#progress.set(id, new ReplicaProgress(id, isr.includes(id) ? nowMs : Number.NEGATIVE_INFINITY))
  }

  #propose(isr: readonly number[]): void {
    const { nodeId } = this.#environment
    const proposal: IsrProposal = {
      ...this.#id,
      leaderEpoch: this.#leaderEpoch,
      partitionEpoch: this.#partitionEpoch,
      isr: isr.map(brokerId => ({
        brokerId,
        brokerEpoch: brokerId === nodeId ? this.#environment.brokerEpoch() : (this.#progress.get(brokerId)?.brokerEpoch ?? -1),
      })),
      leaderRecoveryState: recovered,
      isCurrent: () => this.#pending?.proposal === proposal,
      answered: answer => this.#answered(proposal, answer),
    }
    this.#pending = { proposal, isr }
    this.#environment.propose(proposal)
  }

  #answered(proposal: IsrProposal, answer: IsrAnswer): boolean {
    if (this.#isOver || this.#pending?.proposal !== proposal) return false
    switch (answer.errorCode) {
      case ErrorCode.NONE:
        this.#commit(answer)
        return false
      // Nothing was changed: the committed set stands, and the next fetch or the next look for laggards asks anew.
      case ErrorCode.OPERATION_NOT_ATTEMPTED:
      case ErrorCode.INELIGIBLE_REPLICA:
        this.#pending = null
        this.#changed()
        return false
      // The controller knows of something newer, and of a set that may be ours: both count until the metadata say which.
      case ErrorCode.FENCED_LEADER_EPOCH:
      case ErrorCode.INVALID_UPDATE_VERSION:
      case ErrorCode.NEW_LEADER_ELECTED:
      case ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
      case ErrorCode.UNKNOWN_TOPIC_ID:
      case ErrorCode.INVALID_REQUEST:
        return false
      default:
        return true
    }
  }

  #commit({ leaderEpoch, partitionEpoch, isr }: IsrAnswer): void {
    if (leaderEpoch !== this.#leaderEpoch || partitionEpoch < this.#partitionEpoch) return
    if (isr.length < this.#isr.length) this.#environment.shrunk()
    else if (isr.length > this.#isr.length) this.#environment.expanded()
    this.#isr = isr
    this.#partitionEpoch = partitionEpoch
    this.#pending = null
    this.#changed()
  }
}

/** `min.insync.replicas` as it counts for a partition: never more than it has replicas. */
export function effectiveMinIsr(configured: number, replicaCount: number): number {
  return Math.min(configured, replicaCount)
}
