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
 * Keeps this node's place among the voters of a dynamic quorum right: a voter whose endpoints are others than the log says tells the
 * leader; with auto-join a controller that is none adds itself, after it removed what it was with another directory (KIP-853).
 */
export class VoterUpkeep {
  readonly #options: VoterUpkeepOptions
  readonly #context: RaftContext
  readonly #refusals: Refusals
  #timer: Timer | null = null

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
    if (raft.role !== 'follower' || voters.kraftVersion === 0) return
    const own = voterOf(voters.voters, self)
    if (own) {
      if (!hasEndpoints(own.endpoints, this.#options.listeners)) await this.#update()
    } else if (this.#options.autoJoin) {
      const former = voters.voters.find(({ id }) => id === self.id)
      if (former) await this.#remove(former.directoryId)
      else await this.#add()
    }
  }

  async #update(): Promise<void> {
    const { self, clusterId, raft } = this.#context
    const body = {
      clusterId,
      currentLeaderEpoch: raft.epoch,
      voterId: self.id,
      voterDirectoryId: self.directoryId,
      listeners: this.#options.listeners,
      kRaftVersionFeature: kraftVersionRange,
    }
    await this.#ask(UpdateRaftVoter, () => body)
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

  /** Once; what fails is tried again when the time has come. */
  async #ask<Request, Response extends { readonly errorCode: number }>(
    api: Api<Request, Response>,
    body: (version: number) => Draft<Request>,
  ): Promise<void> {
    const { raft, transport, timeouts } = this.#context
    const { leaderId: id, leaderEndpoint } = raft
    if (!leaderEndpoint) return
    let errorCode: number
    try {
      errorCode = (await transport.request({ id, ...leaderEndpoint }, api, body, timeouts.requestTimeoutMs)).errorCode
    } catch {
      return
    }
    this.#refusals.answered(api.name, id, onlyLate.has(errorCode) ? ErrorCode.NONE : errorCode)
  }
}
