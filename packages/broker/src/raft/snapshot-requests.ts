import { ErrorCode, type FetchSnapshotRequest, type FetchSnapshotResponse } from '@millrace/protocol'
import { checkCluster } from './election-requests.ts'
import { metadataTopic } from './metadata-topic.ts'
import { type LeaderHint, nodeEndpoints, type RaftContext } from './raft-context.ts'

type Partition = FetchSnapshotResponse['topics'][number]['partitions'][number]

/** FetchSnapshot: a piece of a snapshot, cut at any byte. */
export function handleFetchSnapshot(
  context: RaftContext,
  request: FetchSnapshotRequest,
  hint: () => LeaderHint,
): FetchSnapshotResponse {
  const [topic] = request.topics
  const isOnly = request.topics.length === 1 && topic!.partitions.length === 1
  const refused = checkCluster(context, request.clusterId) || (isOnly ? 0 : ErrorCode.INVALID_REQUEST)
  if (refused) return { throttleTimeMs: 0, errorCode: refused, topics: [], nodeEndpoints: [] }
  const asked = topic!.partitions[0]!
  const { raft, raftLog, world, timeouts } = context
  const { snapshotId } = asked
  const answer = (facts: Partial<Partition>): FetchSnapshotResponse => {
    const current = hint()
    const partition: Partition = {
      index: asked.partition,
      errorCode: ErrorCode.NONE,
      snapshotId,
      currentLeader: { leaderId: current.leaderId, leaderEpoch: current.leaderEpoch },
      size: 0,
      position: 0,
      unalignedRecords: new Uint8Array(0),
      ...facts,
    }
    return {
      throttleTimeMs: 0,
      errorCode: ErrorCode.NONE,
      topics: [{ name: topic!.name, partitions: [partition] }],
      nodeEndpoints: nodeEndpoints(current),
    }
  }
  if (topic!.name !== metadataTopic || asked.partition !== 0) return answer({ errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION })
  const epoch = asked.currentLeaderEpoch
  if (epoch < raft.epoch) return answer({ errorCode: ErrorCode.FENCED_LEADER_EPOCH })
  if (epoch > raft.epoch) return answer({ errorCode: ErrorCode.UNKNOWN_LEADER_EPOCH })
  if (raft.role !== 'leader') return answer({ errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER })
  if (snapshotId.endOffset === 0 || !raftLog.has(snapshotId)) return answer({ errorCode: ErrorCode.SNAPSHOT_NOT_FOUND })
  const file = world.disk.open(raftLog.pathOf(snapshotId), 'read')
  try {
    const size = file.sizeBytes
    const { position } = asked
    if (position < 0 || position >= size) return answer({ errorCode: ErrorCode.POSITION_OUT_OF_RANGE })
    const wanted = Math.max(1, Math.min(request.maxBytes, timeouts.fetchSnapshotMaxBytes, size - position))
    const bytes = Buffer.allocUnsafeSlow(wanted)
    const read = file.read(bytes, position)
    if (request.replicaId >= 0 && request.replicaId !== context.self.id) {
      const replica = { id: request.replicaId, directoryId: asked.replicaDirectoryId }
      context.submit({ kind: 'fetched', replica, endOffset: -1 })
    }
    return answer({ size, position, unalignedRecords: bytes.subarray(0, read) })
  } finally {
    file.close()
  }
}
