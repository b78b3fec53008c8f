import {
  type BeginQuorumEpochRequest,
  type BeginQuorumEpochResponse,
  type EndQuorumEpochRequest,
  type EndQuorumEpochResponse,
  ErrorCode,
  type VoteRequest,
  type VoteResponse,
  zeroUuid,
} from '@millrace/protocol'
import { metadataTopic, onlyPartition } from './metadata-topic.ts'
import { type LeaderHint, type Listener, nodeEndpoints, type RaftContext } from './raft-context.ts'
import type { Endpoint, Voter } from './voter.ts'

/** How the answers on one listener name the leader. */
type HintOf = () => LeaderHint

/** Vote. The answer leaves when the vote is on disk. */
export function handleVote(context: RaftContext, request: VoteRequest, hint: HintOf): Promise<VoteResponse> {
  const { raft } = context
  const partition = onlyPartition(request.topics)
  const refused = checkCluster(context, request.clusterId) || (partition ? 0 : ErrorCode.INVALID_REQUEST)
  if (refused) return Promise.resolve({ errorCode: refused, topics: [], nodeEndpoints: [] })
  const {
    replicaEpoch: epoch,
    replicaId,
    replicaDirectoryId,
    lastOffset,
    lastOffsetEpoch,
    preVote,
    voterDirectoryId,
  } = partition!
  const answer = (errorCode: number, voteGranted: boolean): VoteResponse => ({
    errorCode: ErrorCode.NONE,
    ...withLeader(hint(), errorCode, current => ({ ...current, voteGranted })),
  })
  const isIllegal = lastOffset < 0 || lastOffsetEpoch < 0 || (preVote ? lastOffsetEpoch > epoch : lastOffsetEpoch >= epoch)
  if (isIllegal || replicaId < 0 || replicaId === context.self.id)
    return Promise.resolve(answer(ErrorCode.INVALID_REQUEST, false))
  if (epoch < raft.epoch) return Promise.resolve(answer(ErrorCode.FENCED_LEADER_EPOCH, false))
  if (isStranger(context, replicaId)) return Promise.resolve(answer(ErrorCode.INCONSISTENT_VOTER_SET, false))
  if (!isSelf(context, request.voterId, voterDirectoryId)) {
    // The epoch counts all the same.
    context.submit({ kind: 'leader-heard', epoch, leaderId: -1, endpoint: null, byItself: false })
    return Promise.resolve(answer(ErrorCode.INVALID_VOTER_KEY, false))
  }
  return new Promise(resolve => {
    context.submit({
      kind: 'vote-requested',
      request: {
        epoch,
        candidate: { id: replicaId, directoryId: replicaDirectoryId },
        log: { endOffset: lastOffset, epoch: lastOffsetEpoch },
        preVote,
      },
      answer: granted => resolve(answer(ErrorCode.NONE, granted)),
    })
    if (context.isStopped) resolve(answer(ErrorCode.BROKER_NOT_AVAILABLE, false))
  })
}

/** BeginQuorumEpoch: who won makes itself known. */
export function handleBeginQuorumEpoch(
  context: RaftContext,
  request: BeginQuorumEpochRequest,
  hint: HintOf,
): BeginQuorumEpochResponse {
  const partition = onlyPartition(request.topics)
  const refused = checkCluster(context, request.clusterId) || (partition ? 0 : ErrorCode.INVALID_REQUEST)
  if (refused) return { errorCode: refused, topics: [], nodeEndpoints: [] }
  const { leaderId, leaderEpoch: epoch, voterDirectoryId } = partition!
  const answer = (errorCode: number) => ({ errorCode: ErrorCode.NONE, ...withLeader(hint(), errorCode, current => current) })
  const stale = checkLeader(context, leaderId, epoch)
  if (stale) return answer(stale)
  const endpoint = endpointIn(context, leaderId, request.leaderEndpoints)
  context.submit({ kind: 'leader-heard', epoch, leaderId, endpoint, byItself: true })
  return answer(isSelf(context, request.voterId, voterDirectoryId) ? ErrorCode.NONE : ErrorCode.INVALID_VOTER_KEY)
}

/** EndQuorumEpoch: the leader resigns and says who should follow. */
export function handleEndQuorumEpoch(context: RaftContext, request: EndQuorumEpochRequest, hint: HintOf): EndQuorumEpochResponse {
  const partition = onlyPartition(request.topics)
  const refused = checkCluster(context, request.clusterId) || (partition ? 0 : ErrorCode.INVALID_REQUEST)
  if (refused) return { errorCode: refused, topics: [], nodeEndpoints: [] }
  const { leaderId, leaderEpoch: epoch, preferredCandidates, preferredSuccessors } = partition!
  const answer = (errorCode: number) => ({ errorCode: ErrorCode.NONE, ...withLeader(hint(), errorCode, current => current) })
  const stale = checkLeader(context, leaderId, epoch)
  if (stale) return answer(stale)
  const candidates: Voter[] =
    preferredCandidates.length > 0
      ? preferredCandidates.map(({ candidateId: id, candidateDirectoryId: directoryId }) => ({ id, directoryId }))
      : preferredSuccessors.map(id => ({ id, directoryId: zeroUuid }))
  const endpoint = endpointIn(context, leaderId, request.leaderEndpoints)
  context.submit({ kind: 'leader-ended', epoch, leaderId, endpoint, candidates })
  return answer(ErrorCode.NONE)
}

/** The error for a request from another cluster; 0 when it may be from this one. */
export function checkCluster({ clusterId }: RaftContext, said: string | null): number {
  return said === null || said === clusterId ? 0 : ErrorCode.INCONSISTENT_CLUSTER_ID
}

function checkLeader(context: RaftContext, leaderId: number, epoch: number): number {
  const { raft, self } = context
  if (epoch < raft.epoch) return ErrorCode.FENCED_LEADER_EPOCH
  if (leaderId < 0 || leaderId === self.id) return ErrorCode.INVALID_REQUEST
  return isStranger(context, leaderId) ? ErrorCode.INCONSISTENT_VOTER_SET : 0
}

/** Voters of `controller.quorum.voters` never change: a candidate or leader that is none of them has another list. */
function isStranger({ voters, raft }: RaftContext, id: number): boolean {
  return raft.isVoter && voters.kraftVersion === 0 && !voters.voters.some(voter => voter.id === id)
}

/** Whether the request means this node, with this directory, as far as it says. */
function isSelf({ self }: RaftContext, id: number, directoryId: string): boolean {
  if (id < 0) return true
  return id === self.id && (directoryId === zeroUuid || directoryId === self.directoryId)
}

function endpointIn({ listenerName, voters }: RaftContext, leaderId: number, endpoints: readonly Listener[]): Endpoint | null {
  const found = endpoints.find(({ name }) => name === listenerName) ?? endpoints[0]
  return found ? { host: found.host, port: found.port } : voters.endpointOf(leaderId)
}

interface CurrentLeader {
  readonly partitionIndex: number
  readonly errorCode: number
  readonly leaderId: number
  readonly leaderEpoch: number
}

function withLeader<Partition>(hint: LeaderHint, errorCode: number, partition: (current: CurrentLeader) => Partition) {
  const { leaderId, leaderEpoch } = hint
  return {
    topics: [{ topicName: metadataTopic, partitions: [partition({ partitionIndex: 0, errorCode, leaderId, leaderEpoch })] }],
    nodeEndpoints: nodeEndpoints(hint),
  }
}
