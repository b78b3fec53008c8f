import { type DescribeQuorumRequest, type DescribeQuorumResponse, ErrorCode } from '@millrace/protocol'
import type { RaftNode } from '../raft/raft-node.ts'

const topicName = '__cluster_metadata'

/** DescribeQuorum: the leader answers what it knows of the voters' progress. */
export function describeQuorum(
  node: RaftNode<any>,
  request: Pick<DescribeQuorumRequest, 'topics'>,
  nowMs: number,
): DescribeQuorumResponse {
  const { raft, voters } = node
  const [asked] = request.topics
  const valid =
    request.topics.length === 1 &&
    asked!.topicName === topicName &&
    asked!.partitions.length === 1 &&
    asked!.partitions[0]!.partitionIndex === 0
  if (!valid) {
    const partitions = (topic: DescribeQuorumRequest['topics'][number]) =>
      topic.partitions.map(({ partitionIndex }) => ({
        partitionIndex,
        errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        errorMessage: null,
        leaderId: 0,
        leaderEpoch: 0,
        highWatermark: 0,
        currentVoters: [],
        observers: [],
      }))
    const topics = request.topics.map(topic => ({ topicName: topic.topicName, partitions: partitions(topic) }))
    return { errorCode: ErrorCode.NONE, errorMessage: null, topics, nodes: [] }
  }
  const currentVoters = voters.voters.map(({ id, directoryId }) => {
    const isSelf = id === raft.leaderId
    return {
      replicaId: id,
      replicaDirectoryId: directoryId,
      logEndOffset: isSelf ? node.logEndOffset : raft.durableUpTo(id),
      lastFetchTimestamp: isSelf ? nowMs : -1,
      lastCaughtUpTimestamp: isSelf ? nowMs : -1,
    }
  })
  const partition = {
    partitionIndex: 0,
    errorCode: ErrorCode.NONE,
    errorMessage: null,
    leaderId: raft.leaderId,
    leaderEpoch: raft.epoch,
    highWatermark: raft.highWatermark,
    currentVoters,
    observers: [],
  }
  return {
    errorCode: ErrorCode.NONE,
    errorMessage: null,
    topics: [{ topicName, partitions: [partition] }],
    nodes: voters.voters.map(({ id, endpoints }) => ({ nodeId: id, listeners: endpoints })),
  }
}
