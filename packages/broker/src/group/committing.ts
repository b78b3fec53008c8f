import { ErrorCode } from '@millrace/protocol'
import type { Group } from './group.ts'
import type { GroupEnvironment } from './group-environment.ts'
import type {
  CommitRequest,
  CommitResponse,
  DeleteOffsetsRequest,
  DeleteOffsetsResponse,
  FetchOffsetsRequest,
  FetchOffsetsResponse,
} from './group-input.ts'
import { type GroupRecord, type OffsetRecord, recordSizeBytes } from './group-records.ts'
import { checkMember } from './membership.ts'
import { extendSession } from './sessions.ts'
import type { Step } from './step.ts'

type CommitPartition = CommitRequest['topics'][number]['partitions'][number]

/** OffsetCommit: members of the present generation, or anybody while the group is empty. Whole requests are refused or none of it. */
export function commitOffsets(environment: GroupEnvironment, step: Step, group: Group, request: CommitRequest): CommitResponse {
  const errorCode = checkCommitter(group, request)
  if (errorCode !== ErrorCode.NONE) return commitError(request, errorCode)
  const { classic } = group
  const member = classic.members.get(request.memberId)
  if (member && (classic.state === 'Stable' || classic.state === 'PreparingRebalance'))
    extendSession(step, classic, member, member.sessionTimeoutMs)

  const records: OffsetRecord[] = []
  let sizeBytes = 0
  const codes = request.topics.map(({ name, topicId, partitions }) =>
    partitions.map(partition => {
      if ((partition.committedMetadata?.length ?? 0) > environment.limits.offsetMetadataMaxLength)
        return ErrorCode.OFFSET_METADATA_TOO_LARGE
      const record = commitRecord(step, request, name, topicId, partition)
      records.push(record)
      sizeBytes += recordSizeBytes(record)
      return ErrorCode.NONE
    }),
  )
  if (sizeBytes > environment.limits.maxBatchBytes) return commitError(request, ErrorCode.INVALID_COMMIT_OFFSET_SIZE)
  step.append(...records)
  return codes
}

/** The same code for all that the request names. */
export function commitError(request: CommitRequest, errorCode: number): CommitResponse {
  return request.topics.map(({ partitions }) => partitions.map(() => errorCode))
}

function checkCommitter({ classic }: Group, { generationId, memberId, groupInstanceId }: CommitRequest): number {
  if (generationId < 0 && classic.state === 'Empty') return ErrorCode.NONE
  // Without member and generation it is somebody outside of the group, which has members.
  if (generationId < 0 && memberId === '' && groupInstanceId === null) return ErrorCode.UNKNOWN_MEMBER_ID
  const errorCode = checkMember(classic, memberId, groupInstanceId)
  if (errorCode !== ErrorCode.NONE) return errorCode
  if (generationId !== classic.generationId) return ErrorCode.ILLEGAL_GENERATION
  return classic.state === 'CompletingRebalance' ? ErrorCode.REBALANCE_IN_PROGRESS : ErrorCode.NONE
}

function commitRecord(
  step: Step,
  request: CommitRequest,
  topic: string,
  topicId: string | null,
  partition: CommitPartition,
): OffsetRecord {
  return {
    kind: 'offset',
    group: request.groupId,
    topic,
    partition: partition.partitionIndex,
    value: {
      offset: partition.committedOffset,
      leaderEpoch: partition.committedLeaderEpoch,
      metadata: partition.committedMetadata ?? '',
      commitTimestampMs: step.wallMs,
      expireTimestampMs: request.retentionTimeMs < 0 ? -1 : step.wallMs + request.retentionTimeMs,
      topicId,
    },
  }
}

const noOffset = { committedOffset: -1, committedLeaderEpoch: -1, metadata: '' }

/** OffsetFetch. A group or partition that is not known has offset -1 and no error. */
export function fetchOffsets(group: Group | undefined, { topics, requireStable }: FetchOffsetsRequest): FetchOffsetsResponse {
  const wanted =
    topics ??
    [...(group?.offsets.topics() ?? [])].map(([name, partitions]) => ({ name, partitionIndexes: [...partitions.keys()] }))
  return {
    errorCode: ErrorCode.NONE,
    topics: wanted.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map(partitionIndex => {
        // A transaction that has not ended may move the offset: who must know it asks again (KIP-447).
        if (requireStable && group?.offsets.hasPending(name, partitionIndex))
          return { partitionIndex, ...noOffset, errorCode: ErrorCode.UNSTABLE_OFFSET_COMMIT }
        const value = group?.offsets.get(name, partitionIndex)
        if (!value) return { partitionIndex, ...noOffset, errorCode: ErrorCode.NONE }
        const { offset, leaderEpoch, metadata } = value
        return { partitionIndex, committedOffset: offset, committedLeaderEpoch: leaderEpoch, metadata, errorCode: ErrorCode.NONE }
      }),
    })),
  }
}

/** OffsetDelete: from an empty group, or, of a group of consumers, for topics that nobody in it reads. */
export function deleteOffsets(step: Step, group: Group | undefined, { topics }: DeleteOffsetsRequest): DeleteOffsetsResponse {
  if (!group) return { errorCode: ErrorCode.GROUP_ID_NOT_FOUND, topics: [] }
  const { classic } = group
  if (classic.state !== 'Empty' && !classic.isConsumerProtocol) return { errorCode: ErrorCode.NON_EMPTY_GROUP, topics: [] }
  return {
    errorCode: ErrorCode.NONE,
    topics: topics.map(({ name, partitions }) => {
      if (classic.state !== 'Empty' && classic.isSubscribedTo(name))
        return { name, errorCode: ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC }
      for (const partition of partitions)
        if (group.offsets.get(name, partition)) step.append(offsetTombstone(group.id, name, partition))
      return { name, errorCode: ErrorCode.NONE }
    }),
  }
}

export function offsetTombstone(group: string, topic: string, partition: number): GroupRecord {
  return { kind: 'offset', group, topic, partition, value: null }
}
