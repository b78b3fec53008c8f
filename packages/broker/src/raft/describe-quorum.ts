import { type DescribeQuorumRequest, type DescribeQuorumResponse, ErrorCode, zeroUuid } from '@millrace/protocol'
import { metadataTopic, onlyPartition } from './metadata-topic.ts'
import type { ReplicaProgress } from './quorum-progress.ts'
import type { RaftContext } from './raft-context.ts'

/** Version from which directories and addresses are told. */
const detailsSince = 2

/** DescribeQuorum: the leader answers what it knows of the progress of voters and observers. */
export function describeQuorum(
  context: RaftContext,
  request: Pick<DescribeQuorumRequest, 'topics'>,
  version: number,
): DescribeQuorumResponse {
  const { raft, raftLog, voters, self, world } = context
  const empty = {
    partitionIndex: 0,
    errorCode: ErrorCode.NONE,
    errorMessage: '',
    leaderId: 0,
    leaderEpoch: 0,
    highWatermark: 0,
    currentVoters: [],
    observers: [],
  }
  const answer = (topics: DescribeQuorumResponse['topics'], nodes: DescribeQuorumResponse['nodes'] = []) => ({
    errorCode: ErrorCode.NONE,
    errorMessage: '',
    topics,
    nodes,
  })
  if (!onlyPartition(request.topics)) {
    const errorCode = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    return answer(
      request.topics.map(({ topicName, partitions }) => ({
        topicName,
        partitions: partitions.map(({ partitionIndex }) => ({ ...empty, partitionIndex, errorCode })),
      })),
    )
  }
  const { progress } = raft
  if (!progress) {
    const partition = { ...empty, errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, leaderId: raft.leaderId, leaderEpoch: raft.epoch }
    return answer([{ topicName: metadataTopic, partitions: [partition] }])
  }
  const monotonicMs = world.clock.monotonic()
  const nowMs = world.clock.now()
  const timestamp = (atMs: number) => (atMs === -Infinity ? -1 : Math.floor(nowMs - (monotonicMs - atMs)))
  const stateOf = ({ replica, endOffset, lastFetchMs, lastCaughtUpMs }: ReplicaProgress) => {
    const isSelf = replica.id === self.id
    return {
      replicaId: replica.id,
      replicaDirectoryId: version >= detailsSince ? replica.directoryId : zeroUuid,
      logEndOffset: isSelf ? raftLog.end.endOffset : endOffset,
      lastFetchTimestamp: isSelf ? nowMs : timestamp(lastFetchMs),
      lastCaughtUpTimestamp: isSelf ? nowMs : timestamp(lastCaughtUpMs),
    }
  }
  const partition = {
    ...empty,
    leaderId: raft.leaderId,
    leaderEpoch: raft.epoch,
    highWatermark: raft.highWatermark,
    currentVoters: progress.voters.map(stateOf),
    observers: progress.observers(monotonicMs).map(stateOf),
  }
  const nodes = voters.voters.map(({ id, endpoints }) => ({
    nodeId: id,
    listeners: endpoints.map(endpoint => ({ ...endpoint })),
  }))
  return answer([{ topicName: metadataTopic, partitions: [partition] }], version >= detailsSince ? nodes : [])
}
