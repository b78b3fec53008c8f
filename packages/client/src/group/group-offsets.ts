import { ErrorCode, errorOf, type KafkaError, OffsetCommit as OffsetCommitApi, OffsetFetch } from '@millrace/protocol'
import type { Cluster } from '../cluster.ts'
import { byTopic, nameOf, type TopicPartition } from '../topic-partition.ts'
import type { Coordinator } from './coordinator.ts'

/** Where a group shall go on reading. */
export interface OffsetCommit extends TopicPartition {
  /** Of the next record: one behind the last that is done with. */
  readonly offset: number
  /** Of the last record that is done with (KIP-320); default: not told. */
  readonly leaderEpoch?: number
  /** Kept with the offset, for whoever reads it. Default: empty. */
  readonly metadata?: string
}

export type CommittedOffset = Required<OffsetCommit>

/** Who commits: a member in its generation, or, with -1 and no id, somebody outside. */
export interface Committer {
  readonly generationId: number
  readonly memberId: string
  readonly groupInstanceId: string | null
}

export const outsider: Committer = { generationId: -1, memberId: '', groupInstanceId: null }

/**
 * Commits. Rejects with the KafkaError of the first partition that was refused: ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, REBALANCE_IN_PROGRESS
 * when the group has gone on without the committer.
 */
export async function commitOffsets(
  cluster: Cluster,
  coordinator: Coordinator,
  offsets: readonly OffsetCommit[],
  committer: Committer,
  timeoutMs?: number,
): Promise<void> {
  let open = offsets
  const attempt = async () => {
    // Versions from 10 on name topics by id, which a group's history may have in plenty: names do.
    const body = {
      groupId: coordinator.groupId,
      generationIdOrMemberEpoch: committer.generationId,
      memberId: committer.memberId,
      groupInstanceId: committer.groupInstanceId,
      topics: [...byTopic(open)].map(([name, list]) => ({
        name,
        partitions: list.map(({ partition, offset, leaderEpoch = -1, metadata = '' }) => ({
          partitionIndex: partition,
          committedOffset: offset,
          committedLeaderEpoch: leaderEpoch,
          committedMetadata: metadata,
        })),
      })),
    }
    const response = await coordinator.request(OffsetCommitApi, body, { maxVersion: 9 })
    const refused = new Map<string, KafkaError>()
    for (const { name, partitions } of response.topics)
      for (const { partitionIndex, errorCode } of partitions) {
        if (errorCode === ErrorCode.NONE) continue
        const partition = nameOf({ topic: name, partition: partitionIndex })
        refused.set(partition, errorOf(errorCode, `Commit of ${partition} in group ${coordinator.groupId}`))
      }
    if (refused.size === 0) return
    for (const error of refused.values()) coordinator.check(error)
    const final = [...refused.values()].find(error => !error.retriable)
    if (final) throw final
    open = open.filter(offset => refused.has(nameOf(offset)))
    throw [...refused.values()][0]!
  }
  await cluster.retry(`Commit in group ${coordinator.groupId}`, attempt, timeoutMs)
}

/** The committed offsets of partitions, null where there is none. All the group's partitions if none are named. */
export async function fetchOffsets(
  cluster: Cluster,
  coordinator: Coordinator,
  partitions: readonly TopicPartition[] | null,
  options: { requireStable?: boolean; timeoutMs?: number | undefined } = {},
): Promise<Map<string, CommittedOffset>> {
  const attempt = async () => {
    const { groupId } = coordinator
    const topics =
      partitions &&
      [...byTopic(partitions)].map(([name, list]) => ({ name, partitionIndexes: list.map(({ partition }) => partition) }))
    const requireStable = options.requireStable ?? false
    const response = await coordinator.request(
      OffsetFetch,
      version => ({
        ...(version >= 8 ? { groups: [{ groupId, topics }] } : { groupId, topics }),
        ...(version >= 7 ? { requireStable } : {}),
      }),
      { maxVersion: 9 },
    )
    const group = response.groups[0] ?? response
    if (group.errorCode !== ErrorCode.NONE) throw checked(coordinator, errorOf(group.errorCode, `Offsets of group ${groupId}`))
    const committed = new Map<string, CommittedOffset>()
    for (const { name: topic, partitions: list } of group.topics)
      for (const {
        partitionIndex: partition,
        committedOffset: offset,
        committedLeaderEpoch: leaderEpoch,
        metadata,
        errorCode,
      } of list) {
        if (errorCode !== ErrorCode.NONE)
          throw checked(coordinator, errorOf(errorCode, `Offset of ${topic}-${partition} in group ${groupId}`))
        if (offset >= 0)
          committed.set(nameOf({ topic, partition }), { topic, partition, offset, leaderEpoch, metadata: metadata ?? '' })
      }
    return committed
  }
  return cluster.retry(`Offsets of group ${coordinator.groupId}`, attempt, options.timeoutMs)
}

function checked(coordinator: Coordinator, error: KafkaError): KafkaError {
  coordinator.check(error)
  return error
}
