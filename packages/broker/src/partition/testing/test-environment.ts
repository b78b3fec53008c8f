import type { Follower } from '../follower.ts'
import type { IsrProposal, ReplicaEnvironment } from '../replica-environment.ts'

/** For tests: the rest of the cluster as a partition sees it, with a clock that the test turns; all brokers may be in sync with epoch 1 unless told otherwise. */
export class TestEnvironment implements ReplicaEnvironment {
  readonly nodeId: number
  readonly lagTimeMaxMs = 30_000
  time = 100_000
  readonly proposals: IsrProposal[] = []
  readonly followed = new Set<Follower>()
  /** Brokers that are fenced or leaving. */
  readonly barred = new Set<number>()
  readonly epochs = new Map<number, number>()
  readonly placements: string[] = []
  changes = 0

  constructor(nodeId = 1) {
    this.nodeId = nodeId
  }

  nowMs(): number {
    return this.time
  }
  brokerEpoch(): number {
    return this.brokerEpochOf(this.nodeId)
  }
  mayBeInSync(brokerId: number, brokerEpoch: number): boolean {
    return !this.barred.has(brokerId) && (brokerEpoch < 0 || brokerEpoch === this.brokerEpochOf(brokerId))
  }
  brokerEpochOf(brokerId: number): number {
    return this.epochs.get(brokerId) ?? 1
  }
  propose(proposal: IsrProposal): void {
    this.proposals.push(proposal)
  }
  placed(replica: { readonly topicId: string; readonly partition: number }, directoryId: string): void {
    this.placements.push(`${replica.topicId}/${replica.partition} ${directoryId}`)
  }
  shrunk(): void {
    this.changes++
  }
  expanded(): void {
    this.changes++
  }
  follow(follower: Follower): void {
    this.followed.add(follower)
  }
  unfollow(follower: Follower): void {
    this.followed.delete(follower)
  }
}
