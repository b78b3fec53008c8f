import { type Api, BeginQuorumEpoch, type Draft, EndQuorumEpoch, ErrorCode, Vote } from '@millrace/protocol'
import { sleep } from '@millrace/runtime'
import { metadataTopic, onlyPartition } from './metadata-topic.ts'
import { hearLeader, type Listener, type RaftContext } from './raft-context.ts'
import type { RaftMessage, RaftVoteRequest } from './raft-input.ts'
import { Refusals } from './refusals.ts'

/** The wait between tries grows up to this. */
const maxBackoffMs = 100

interface ElectionResponse {
  readonly errorCode: number
  readonly topics: readonly {
    readonly topicName: string
    readonly partitions: readonly {
      readonly partitionIndex: number
      readonly errorCode: number
      readonly leaderId: number
      readonly leaderEpoch: number
      readonly voteGranted?: boolean
    }[]
  }[]
  readonly nodeEndpoints: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[]
}

/** Sends the machine's messages to the voters and takes their answers. */
export class ElectionCalls {
  readonly #context: RaftContext
  readonly #listeners: readonly Listener[]
  readonly #refusals: Refusals
  #ending = 0
  #ended: (() => void)[] = []

  /** `listeners`: where this node says that it can be reached when it leads. */
  constructor(context: RaftContext, listeners: readonly Listener[]) {
    this.#context = context
    this.#listeners = listeners
    this.#refusals = new Refusals(context.logger)
  }

  send(to: number, message: RaftMessage): void {
    if (message.kind === 'vote') void this.#requestVote(to, message.request)
    else if (message.kind === 'begin') void this.#begin(to, message.epoch)
    else void this.#end(to, message)
  }

  /** Resolves when every voter knows that this node leads no longer, or was asked in vain. */
  allEnded(): Promise<void> {
    if (this.#ending === 0) return Promise.resolve()
    return new Promise(resolve => this.#ended.push(resolve))
  }

  /** Again and again until there is an answer, or the election is over. */
  async #requestVote(to: number, request: RaftVoteRequest): Promise<void> {
    const { raft, world, timeouts } = this.#context
    const role = request.preVote ? 'prospective' : 'candidate'
    for (let failures = 0; raft.role === role && raft.epoch === request.epoch && !this.#context.isStopped; ) {
      const partition = await this.#call(to, Vote, () => this.#voteBody(to, request))
      if (partition) {
        const granted = partition.voteGranted === true
        this.#context.submit({ kind: 'vote-answered', from: to, epoch: request.epoch, preVote: request.preVote, granted })
        return
      }
      await sleep(world.clock, Math.min(maxBackoffMs, timeouts.retryBackoffMs * 2 ** Math.min(failures++, 8)))
    }
  }

  #voteBody(to: number, { epoch, candidate, log, preVote }: RaftVoteRequest) {
    const voter = this.#context.voters.voters.find(({ id }) => id === to)!
    const partition = {
      partitionIndex: 0,
      replicaEpoch: epoch,
      replicaId: candidate.id,
      replicaDirectoryId: candidate.directoryId,
      voterDirectoryId: voter.directoryId,
      lastOffsetEpoch: log.epoch,
      lastOffset: log.endOffset,
      preVote,
    }
    return { clusterId: this.#context.clusterId, voterId: to, topics: [{ topicName: metadataTopic, partitions: [partition] }] }
  }

  /** Once: the machine repeats it while the voter does not fetch. */
  async #begin(to: number, leaderEpoch: number): Promise<void> {
    const { voters, clusterId, self } = this.#context
    await this.#call(to, BeginQuorumEpoch, () => {
      const voterDirectoryId = voters.voters.find(({ id }) => id === to)!.directoryId
      const partitions = [{ partitionIndex: 0, voterDirectoryId, leaderId: self.id, leaderEpoch }]
      return { clusterId, voterId: to, topics: [{ topicName: metadataTopic, partitions }], leaderEndpoints: this.#listeners }
    })
  }

  async #end(to: number, { epoch: leaderEpoch, candidates }: RaftMessage & { kind: 'end' }): Promise<void> {
    const { clusterId, self } = this.#context
    const preferredCandidates = candidates.map(({ id, directoryId }) => ({ candidateId: id, candidateDirectoryId: directoryId }))
    const preferredSuccessors = candidates.map(({ id }) => id)
    const partitions = [{ partitionIndex: 0, leaderId: self.id, leaderEpoch, preferredSuccessors, preferredCandidates }]
    this.#ending++
    await this.#call(to, EndQuorumEpoch, () => ({
      clusterId,
      topics: [{ topicName: metadataTopic, partitions }],
      leaderEndpoints: this.#listeners,
    }))
    if (--this.#ending === 0) for (const ended of this.#ended.splice(0)) ended()
  }

  /** The partition of an answer without error; null without one. What the answer says about the leader is taken in any case. */
  async #call<Request, Response extends ElectionResponse>(
    to: number,
    api: Api<Request, Response>,
    body: () => Draft<Request>,
  ): Promise<Response['topics'][number]['partitions'][number] | null> {
    const { transport, voters, timeouts } = this.#context
    const endpoint = voters.endpointOf(to)
    if (!endpoint) return null
    let response: Response
    try {
      response = await transport.request({ id: to, ...endpoint }, api, body, timeouts.requestTimeoutMs)
    } catch {
      return null
    }
    if (this.#context.isStopped) return null
    const partition = onlyPartition(response.topics)
    const errorCode = response.errorCode || (partition ? partition.errorCode : ErrorCode.INVALID_REQUEST)
    // A later epoch is no refusal: it is taken.
    this.#refusals.answered(api.name, to, errorCode === ErrorCode.FENCED_LEADER_EPOCH ? ErrorCode.NONE : errorCode)
    if (response.errorCode !== ErrorCode.NONE || !partition) return null
    hearLeader(this.#context, to, partition.leaderId, partition.leaderEpoch, response.nodeEndpoints)
    return partition.errorCode === ErrorCode.NONE ? partition : null
  }
}
