import { AddRaftVoter, type Api, type Draft, ErrorCode, RemoveRaftVoter, UpdateRaftVoter } from '@millrace/protocol'
import type { Timer } from '@millrace/runtime'
import { hasEndpoints } from './epoch-start.ts'
import type { Listener, RaftContext } from './raft-context.ts'
import { Refusals } from './refusals.ts'
import { voterOf } from './voter.ts'
import { kraftVersionRange } from './voter-set.ts'

export interface VoterUpkeepOptions {
  readonly context: RaftContext
  readonly listeners: readonly Listener[]
  /** `process.roles` has `controller`. */
  readonly canVote: boolean
  /** `controller.quorum.auto.join.enable`. */
  readonly autoJoin: boolean
}

/** What the next try, or somebody else's, puts right. */
const onlyLate: ReadonlySet<number> = new Set([
  ErrorCode.REQUEST_TIMED_OUT,
  ErrorCode.DUPLICATE_VOTER,
  ErrorCode.VOTER_NOT_FOUND,
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.FENCED_LEADER_EPOCH,
  ErrorCode.UNKNOWN_LEADER_EPOCH,
])

/**
 * Keeps this node's place among the voters right (KIP-853): one of a static quorum tells each new leader about itself, one of a dynamic quorum
 * tells it endpoints that are others than the log says; with auto-join a controller that is none adds itself, after it removed what it was
 * with another directory.
 */
export class VoterUpkeep {
  readonly #options: VoterUpkeepOptions
  readonly #context: RaftContext
  readonly #refusals: Refusals
  #timer: Timer | null = null
  /** The leader's epoch in which a static quorum's leader knows this voter. */
  #toldEpoch = -1

  constructor(options: VoterUpkeepOptions) {
    this.#options = options
    this.#context = options.context
    this.#refusals = new Refusals(options.context.logger)
  }

  /** Looks once each fetch timeout, as a follower. */
  start(): void {
    if (!this.#options.canVote || this.#options.listeners.length === 0) return
    const { world, timeouts } = this.#context
    this.#timer = world.clock.timer(timeouts.fetchTimeoutMs, () => {
      void this.#look().finally(() => {
        if (!this.#context.isStopped) this.start()
      })
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }

  async #look(): Promise<void> {
    const { raft, voters, self } = this.#context
    if (raft.role !== 'follower') return
    const own = voterOf(voters.voters, self)
    if (voters.kraftVersion === 0) {
      if (own && this.#toldEpoch !== raft.epoch) await this.#tell(raft.epoch)
    } else if (own) {
      if (!hasEndpoints(own.endpoints, this.#options.listeners)) await this.#update()
    } else if (this.#options.autoJoin) {
      const former = voters.voters.find(({ id }) => id === self.id)
      if (former) await this.#remove(former.directoryId)
      else await this.#add()
    }
  }

  /** So that the leader can raise kraft.version. One of a version that cannot is asked no more. */
  async #tell(epoch: number): Promise<void> {
    const errorCode = await this.#update()
    if (errorCode === ErrorCode.NONE || errorCode === ErrorCode.UNSUPPORTED_VERSION) this.#toldEpoch = epoch
  }

  #update(): Promise<number | null> {
    const { self, clusterId, raft } = this.#context
    const body = {
      clusterId,
      currentLeaderEpoch: raft.epoch,
      voterId: self.id,
      voterDirectoryId: self.directoryId,
      listeners: this.#options.listeners,
      kRaftVersionFeature: kraftVersionRange,
    }
    return this.#ask(UpdateRaftVoter, () => body)
  }

  async #add(): Promise<void> {
    const { self, clusterId, timeouts } = this.#context
    const body = {
      clusterId,
      timeoutMs: timeouts.requestTimeoutMs,
      voterId: self.id,
      voterDirectoryId: self.directoryId,
      listeners: this.#options.listeners,
    }
    // From version 1 on the answer need not wait for the commit, which may need this very node.
    await this.#ask(AddRaftVoter, version => (version >= 1 ? { ...body, ackWhenCommitted: false } : body))
  }

  async #remove(voterDirectoryId: string): Promise<void> {
    const { self, clusterId } = this.#context
    await this.#ask(RemoveRaftVoter, () => ({ clusterId, voterId: self.id, voterDirectoryId }))
  }

  /** Once; what fails is tried again when the time has come. Null: no answer. */
  async #ask<Request, Response extends { readonly errorCode: number }>(
    api: Api<Request, Response>,
    body: (version: number) => Draft<Request>,
  ): Promise<number | null> {
    const { raft, transport, timeouts, voters } = this.#context
    const { leaderId: id, leaderEndpoint } = raft
    if (!leaderEndpoint) return null
    let errorCode: number
    try {
      errorCode = (await transport.request({ id, ...leaderEndpoint }, api, body, timeouts.requestTimeoutMs)).errorCode
    } catch {
      return null
    }
    const isExpected = onlyLate.has(errorCode) || (voters.kraftVersion === 0 && errorCode === ErrorCode.UNSUPPORTED_VERSION)
    this.#refusals.answered(api.name, id, isExpected ? ErrorCode.NONE : errorCode)
    return errorCode
  }
}
