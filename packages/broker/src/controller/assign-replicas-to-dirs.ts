import { type AssignReplicasToDirsRequest, type AssignReplicasToDirsResponse, ErrorCode } from '@millrace/protocol'
import { isCurrentBroker } from './broker-epoch.ts'
import type { ControllerState, Decision } from './decision.ts'
import { isDirectoryOnline } from './directory-id.ts'
import { leaderCheck, newDirectoryOf, rulesOf } from './leadership.ts'
import type { MetadataRecord } from './metadata-record.ts'
import { MetadataVersion, metadataVersionOf } from './metadata-version.ts'
import { changePartition } from './partition-change.ts'

/**
 * AssignReplicasToDirs (KIP-858): a broker tells in which of its directories replicas are. A replica in a directory that the broker has
 * lost leaves the in-sync set.
 */
export function decideAssignReplicasToDirs(
  state: ControllerState,
  request: AssignReplicasToDirsRequest,
): Decision<AssignReplicasToDirsResponse> {
  const refused = (errorCode: number) => ({ records: [], response: { throttleTimeMs: 0, errorCode, directories: [] } })
  if (metadataVersionOf(state.image) < MetadataVersion.directories) return refused(ErrorCode.UNSUPPORTED_VERSION)
  if (!isCurrentBroker(state.image, request)) return refused(ErrorCode.STALE_BROKER_EPOCH)
  const changes = new Map<string, MetadataRecord>()
  const directories = request.directories.map(({ id, topics }) => ({
    id,
    topics: topics.map(({ topicId, partitions }) => ({
      topicId,
      partitions: partitions.map(({ partitionIndex }) => ({
        partitionIndex,
        errorCode: assign(state, request.brokerId, id, topicId, partitionIndex, changes),
      })),
    })),
  }))
  return {
    records: [...changes.values()],
    response: { throttleTimeMs: 0, errorCode: ErrorCode.NONE, directories },
    splittable: true,
  }
}

function assign(
  state: ControllerState,
  brokerId: number,
  directory: string,
  topicId: string,
  partitionId: number,
  changes: Map<string, MetadataRecord>,
): number {
  const topic = state.image.topicById(topicId)
  if (!topic) return ErrorCode.UNKNOWN_TOPIC_ID
  const partition = topic.partitions[partitionId]
  if (!partition) return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  if (!partition.replicas.includes(brokerId)) return ErrorCode.NOT_LEADER_OR_FOLLOWER
  const isOnline = isDirectoryOnline(directory, state.image.broker(brokerId)!.logDirs)
  const canLead = leaderCheck(state, partition)
  const rules = rulesOf(state, topic.name)
  const record = changePartition(
    partition,
    {
      topicId,
      partitionId,
      isr: isOnline ? partition.isr : partition.isr.filter(id => id !== brokerId),
      canLead: id => (id === brokerId ? isOnline && state.image.isEligible(id) : canLead(id)),
      election: rules.election,
      directories: new Map([[brokerId, directory]]),
      newDirectory: newDirectoryOf(state),
    },
    rules,
  )
  // Of a partition that is named twice the last directory counts: the broker moved it meanwhile.
  if (record) changes.set(`${topicId}:${partitionId}`, record)
  else changes.delete(`${topicId}:${partitionId}`)
  return ErrorCode.NONE
}
