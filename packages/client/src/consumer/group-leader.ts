import type { JoinGroupResponse } from '@millrace/protocol'
import type { Timer } from '@millrace/runtime'
import type { Cluster } from '../cluster.ts'
import type { AssignmentMetadata, Assignor, GroupMember } from './assignors/assignor.ts'
import { decodeSubscription, encodeAssignment } from './consumer-protocol.ts'

/** How often topics are looked for that some member subscribes to and that are not there yet. */
const missingTopicsIntervalMs = 1_000

/** The leader's part: assigns all members their partitions, and notices when topics have other numbers of partitions than it assigned. */
export class GroupLeader {
  readonly #cluster: Cluster
  readonly #groupId: string
  /** Topics of all members and how many partitions they had; absent on a follower. */
  #assignedCounts: ReadonlyMap<string, number> | undefined
  #missingTopicsTimer: Timer | undefined

  constructor(cluster: Cluster, groupId: string) {
    this.#cluster = cluster
    this.#groupId = groupId
  }

  /** Another round begins, perhaps with another leader. */
  reset(): void {
    this.#assignedCounts = undefined
    this.#missingTopicsTimer?.cancel()
    this.#missingTopicsTimer = undefined
  }

  /** Says, once, that the assignment no longer covers the topics' partitions. */
  mustReassign(): boolean {
    for (const [topic, before] of this.#assignedCounts ?? []) {
      const now = this.#cluster.metadata.topic(topic)?.partitions.length ?? 0
      if (now === before || now === 0) continue
      this.#cluster.logger.info('client.group.partitions-changed', { group: this.#groupId, topic, before, now })
      this.reset()
      return true
    }
    return false
  }

  /** Who gets what, as SyncGroup carries it. */
  async assign(assignor: Assignor, joined: JoinGroupResponse): Promise<{ memberId: string; assignment: Uint8Array }[]> {
    const members = joined.members.map(
      ({ memberId, groupInstanceId, metadata }): GroupMember => ({ memberId, groupInstanceId, ...decodeSubscription(metadata) }),
    )
    const topics = [...new Set(members.flatMap(member => member.topics))]
    const counts = await this.#partitionCounts(topics)
    const metadata: AssignmentMetadata = {
      partitionCount: topic => counts.get(topic) ?? 0,
      loadPartitionCounts: names => this.#partitionCounts(names),
    }
    const assigned = await assignor.assign(members, metadata)
    this.#assignedCounts = counts
    this.#watchMissingTopics(counts)
    return members.map(({ memberId }) => ({
      memberId,
      assignment: encodeAssignment(assigned.get(memberId) ?? { partitions: [] }),
    }))
  }

  /** Asked of the cluster now: an assignment on old counts would leave new partitions to nobody. */
  async #partitionCounts(topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const { metadata } = this.#cluster
    for (const topic of topics) metadata.track(topic)
    await metadata.refresh()
    return new Map(topics.map(topic => [topic, metadata.topic(topic)?.partitions.length ?? 0]))
  }

  #watchMissingTopics(counts: ReadonlyMap<string, number>): void {
    this.#missingTopicsTimer?.cancel()
    this.#missingTopicsTimer = undefined
    if (![...counts.values()].includes(0)) return
    this.#missingTopicsTimer = this.#cluster.world.clock.timer(missingTopicsIntervalMs, () => {
      this.#missingTopicsTimer = undefined
      if (!this.#assignedCounts) return
      this.#cluster.requestMetadata()
      this.#watchMissingTopics(this.#assignedCounts)
    })
  }
}
