import { ErrorCode, type FetchRequest, type FetchResponse } from '@millrace/protocol'
import type { Timer } from '@millrace/runtime'
import { checkCluster } from './election-requests.ts'
import { metadataTopic, metadataTopicId, topicIdsSince } from './metadata-topic.ts'
import { type LeaderHint, nodeEndpoints, type RaftContext } from './raft-context.ts'
import type { FetchPosition } from './raft-log.ts'
import { isSameVoter, type Voter } from './voter.ts'

/** However long a replica is ready to wait. */
const maxWaitMs = 30_000

interface FetchAsked {
  readonly version: number
  readonly replica: Voter
  readonly epoch: number
  readonly offset: number
  readonly lastEpoch: number
  readonly maxBytes: number
  /** What the replica knows; news when there is more. */
  readonly highWatermark: number
  readonly hint: () => LeaderHint
}

interface Waiting {
  readonly asked: FetchAsked
  readonly timer: Timer
  readonly answer: (response: FetchResponse) => void
}

type Partition = FetchResponse['responses'][number]['partitions'][number]

/** Answers the fetches of replicas of the metadata log: at once when there is something to tell, else when there is, or after the time that they are ready to wait. */
export class FetchRequests {
  readonly #context: RaftContext
  readonly #waiting = new Set<Waiting>()

  constructor(context: RaftContext) {
    this.#context = context
  }

  handle(version: number, request: FetchRequest, hint: () => LeaderHint): Promise<FetchResponse> {
    const [topic] = request.topics
    const isMetadata = version >= topicIdsSince ? topic?.topicId === metadataTopicId : topic?.topic === metadataTopic
    const [partition] = topic?.partitions ?? []
    const isOnly = request.topics.length === 1 && topic!.partitions.length === 1 && partition!.partition === 0
    const refused = checkCluster(this.#context, request.clusterId) || (isMetadata && isOnly ? 0 : ErrorCode.INVALID_REQUEST)
    if (refused) return Promise.resolve({ throttleTimeMs: 0, errorCode: refused, sessionId: 0, responses: [], nodeEndpoints: [] })
    const { currentLeaderEpoch: epoch, fetchOffset: offset, lastFetchedEpoch: lastEpoch, highWatermark } = partition!
    const id = request.replicaState.replicaId >= 0 ? request.replicaState.replicaId : request.replicaId
    const maxBytes = Math.min(request.maxBytes, this.#context.timeouts.fetchMaxBytes)
    const replica = { id, directoryId: partition!.replicaDirectoryId }
    const asked: FetchAsked = { version, replica, epoch, offset, lastEpoch, maxBytes, highWatermark, hint }
    if (request.maxWaitMs < 0 || offset < 0 || lastEpoch < 0 || lastEpoch > epoch)
      return Promise.resolve(this.#failed(asked, ErrorCode.INVALID_REQUEST))
    this.#heard(asked)
    const answer = this.#answerNow(asked, request.maxWaitMs > 0)
    return answer ? Promise.resolve(answer) : this.#wait(asked, Math.min(request.maxWaitMs, maxWaitMs))
  }

  /** There are new batches, or the high watermark is another: answers those who wait for that. */
  wake(): void {
    for (const waiting of this.#waiting) {
      const answer = this.#answerNow(waiting.asked, true)
      if (answer) this.#finish(waiting, answer)
    }
  }

  /** This node leads no longer: all are told who does. */
  fail(): void {
    for (const waiting of this.#waiting) this.#finish(waiting, this.#failed(waiting.asked, this.#refusal(waiting.asked)))
  }

  #wait(asked: FetchAsked, waitMs: number): Promise<FetchResponse> {
    // A replica that asks again has given up what it asked before.
    for (const other of this.#waiting)
      if (asked.replica.id >= 0 && isSameVoter(other.asked.replica, asked.replica)) this.#finish(other, this.#answer(other.asked))
    return new Promise(resolve => {
      const timer = this.#context.world.clock.timer(waitMs, () => this.#finish(waiting, this.#answer(asked)))
      const waiting: Waiting = { asked, timer, answer: resolve }
      this.#waiting.add(waiting)
    })
  }

  #finish(waiting: Waiting, response: FetchResponse): void {
    if (!this.#waiting.delete(waiting)) return
    waiting.timer.cancel()
    waiting.answer(response)
  }

  /** Null: there is nothing to tell yet. */
  #answerNow(asked: FetchAsked, mayWait: boolean): FetchResponse | null {
    const response = this.#answer(asked)
    const { errorCode, records, divergingEpoch, snapshotId, highWatermark } = response.responses[0]!.partitions[0]!
    const isNews =
      errorCode !== ErrorCode.NONE ||
      (records as unknown as readonly Uint8Array[]).length > 0 ||
      divergingEpoch.epoch >= 0 ||
      snapshotId.epoch >= 0 ||
      highWatermark > asked.highWatermark
    return isNews || !mayWait ? response : null
  }

  #answer(asked: FetchAsked): FetchResponse {
    const { raft, raftLog } = this.#context
    const refusal = this.#refusal(asked)
    if (refusal) return this.#failed(asked, refusal)
    const { offset, lastEpoch, maxBytes } = asked
    const position = raftLog.positionOf(offset, lastEpoch)
    const records = position === 'valid' ? raftLog.log.read(offset, { maxBytes, atLeastOne: true }).chunks : []
    return this.#response(asked, {
      records: records as unknown as Uint8Array,
      highWatermark: raft.highWatermark,
      ...told(position),
    })
  }

  /** What the fetch says about its replica. The high watermark may move, or this node find that it leads no longer. */
  #heard(asked: FetchAsked): void {
    const { replica, offset, lastEpoch } = asked
    if (replica.id < 0 || this.#refusal(asked)) return
    const isValid = this.#context.raftLog.positionOf(offset, lastEpoch) === 'valid'
    this.#context.submit({ kind: 'fetched', replica, endOffset: isValid ? offset : -1 })
  }

  #refusal({ epoch, replica }: FetchAsked): number {
    const { raft, self, isStopped } = this.#context
    if (epoch < raft.epoch) return ErrorCode.FENCED_LEADER_EPOCH
    if (epoch > raft.epoch) return ErrorCode.UNKNOWN_LEADER_EPOCH
    if (raft.role !== 'leader') return ErrorCode.NOT_LEADER_OR_FOLLOWER
    if (replica.id === self.id) return ErrorCode.INVALID_REQUEST
    return isStopped ? ErrorCode.BROKER_NOT_AVAILABLE : ErrorCode.NONE
  }

  #failed(asked: FetchAsked, errorCode: number): FetchResponse {
    return this.#response(asked, { errorCode })
  }

  #response(asked: FetchAsked, facts: Partial<Partition>): FetchResponse {
    const hint = asked.hint()
    const partition: Partition = {
      partitionIndex: 0,
      errorCode: ErrorCode.NONE,
      highWatermark: -1,
      lastStableOffset: -1,
      logStartOffset: this.#context.raftLog.log.logStartOffset,
      divergingEpoch: { epoch: -1, endOffset: -1 },
      currentLeader: { leaderId: hint.leaderId, leaderEpoch: hint.leaderEpoch },
      snapshotId: { endOffset: -1, epoch: -1 },
      abortedTransactions: null,
      preferredReadReplica: -1,
      records: [] as unknown as Uint8Array,
      ...facts,
    }
    const topic = asked.version >= topicIdsSince ? '' : metadataTopic
    return {
      throttleTimeMs: 0,
      errorCode: ErrorCode.NONE,
      sessionId: 0,
      responses: [{ topic, topicId: metadataTopicId, partitions: [partition] }],
      nodeEndpoints: nodeEndpoints(hint).map(endpoint => ({ ...endpoint, rack: null })),
    }
  }
}

function told(position: FetchPosition): Partial<Partition> {
  if (position === 'valid') return {}
  return 'snapshotId' in position ? { snapshotId: position.snapshotId } : { divergingEpoch: position.divergingEpoch }
}
