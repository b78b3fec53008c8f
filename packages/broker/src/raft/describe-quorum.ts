import { type DescribeQuorumRequest, type DescribeQuorumResponse, ErrorCode, zeroUuid } from '@millrace/protocol'
import type { RaftNode } from '../raft/raft-node.ts'

const topicName = '__cluster_metadata'
/** Version from which directories and addresses are told. */
const detailsSince = 2

/** DescribeQuorum: the leader answers what it knows of the voters' progress. */
export function describeQuorum(
  node: RaftNode<any>,
  request: Pick<DescribeQuorumRequest, 'topics'>,
  version: number,
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
        errorMessage: '',
        leaderId: 0,
        leaderEpoch: 0,
        highWatermark: 0,
        currentVoters: [],
        observers: [],
      }))
    const topics = request.topics.map(topic => ({ topicName: topic.topicName, partitions: partitions(topic) }))
    return { errorCode: ErrorCode.NONE, errorMessage: '', topics, nodes: [] }
  }
  const currentVoters = voters.voters.map(({ id, directoryId }) => {
    const isSelf = id === raft.leaderId
    return {
      replicaId: id,
      replicaDirectoryId: version >= detailsSince ? directoryId : zeroUuid,
      logEndOffset: isSelf ? node.logEndOffset : raft.durableUpTo(id),
      lastFetchTimestamp: isSelf ? nowMs : -1,
      lastCaughtUpTimestamp: isSelf ? nowMs : -1,
    }
  })
  const partition = {
    partitionIndex: 0,
    errorCode: ErrorCode.NONE,
    errorMessage: '',
    leaderId: raft.leaderId,
    leaderEpoch: raft.epoch,
    highWatermark: raft.highWatermark,
    currentVoters,
    observers: [],
  }
  return {
    errorCode: ErrorCode.NONE,
    errorMessage: '',
    topics: [{ topicName, partitions: [partition] }],
    nodes: version >= detailsSince ? voters.voters.map(({ id, endpoints }) => ({ nodeId: id, listeners: endpoints })) : [],
  }
}
