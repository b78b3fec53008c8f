import {
  type AddRaftVoterRequest,
  type AddRaftVoterResponse,
  ApiVersions,
  ErrorCode,
  type RemoveRaftVoterRequest,
  type RemoveRaftVoterResponse,
  type UpdateRaftVoterRequest,
  type UpdateRaftVoterResponse,
  zeroUuid,
} from '@millrace/protocol'
import type { Timer } from '@millrace/runtime'
import { checkCluster } from './election-requests.ts'
import { KraftVersionUpgrade } from './kraft-version-upgrade.ts'
import type { LeaderHint, Listener, RaftContext } from './raft-context.ts'
import { isSameVoter, type Voter } from './voter.ts'
import type { VoterEndpoints } from './voter-set.ts'

/** An observer that may become a voter has fetched within this time. */
const recentMs = 3_600_000
const kraftFeature = 'kraft.version'

export interface Outcome {
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** The change of voters that is under way: there is one at a time. */
interface Change {
  /** Where the new voters are in the log; -1: not yet. */
  offset: number
  readonly timer: Timer
  readonly finish: (outcome: Outcome) => void
}

export interface VoterChangesOptions {
  readonly context: RaftContext
  /** Where this node is reached. */
  readonly listeners: readonly Listener[]
  /** Appends the voters as one control batch, and before them kraft.version if it is a new one; returns its offset. */
  readonly append: (voters: readonly VoterEndpoints[], kraftVersion?: number) => number
}

const done: Outcome = { errorCode: ErrorCode.NONE, errorMessage: null }
const refused = (errorCode: number, errorMessage: string): Outcome => ({ errorCode, errorMessage })
const later = (errorMessage: string) => refused(ErrorCode.REQUEST_TIMED_OUT, errorMessage)

/** AddRaftVoter, RemoveRaftVoter and UpdateRaftVoter at the leader (KIP-853): each change is one VotersRecord, and the next waits for its commit. */
export class VoterChanges {
  readonly #context: RaftContext
  readonly #append: VoterChangesOptions['append']
  readonly #upgrade: KraftVersionUpgrade
  #change: Change | null = null

  constructor({ context, listeners, append }: VoterChangesOptions) {
    this.#context = context
    this.#append = append
    this.#upgrade = new KraftVersionUpgrade({ ...context.self, endpoints: listeners }, context.voters)
  }

  /** Why kraft.version cannot be raised to `level` now; null when it can, or is that already. */
  whyNotUpgraded(level: number): string | null {
    return this.#upgrade.whyNot(level)
  }

  /** Raises kraft.version where `whyNotUpgraded` sees nothing against it: from now on the voters are those of the log. */
  upgrade(level: number): void {
    if (level > this.#context.voters.kraftVersion) this.#append(this.#upgrade.voters(), level)
  }

  async add(request: AddRaftVoterRequest): Promise<AddRaftVoterResponse> {
    const { voterId: id, voterDirectoryId: directoryId, listeners, ackWhenCommitted, timeoutMs } = request
    const { listenerName, voters, timeouts } = this.#context
    const endpoint = listeners.find(({ name }) => name === listenerName)
    const refusal = this.#checkRequest(request.clusterId, { id, directoryId })
    if (refusal) return answered(refusal)
    if (!endpoint)
      return answered(refused(ErrorCode.INVALID_REQUEST, `The voter has no endpoint for the listener ${listenerName}`))
    const unready = this.#checkReady()
    if (unready) return answered(unready)
    if (voters.voters.some(voter => voter.id === id))
      return answered(refused(ErrorCode.DUPLICATE_VOTER, `The voter id ${id} is already one of the voters`))
    const waitMs = Math.min(Math.max(timeoutMs, 1), timeouts.requestTimeoutMs)
    return answered(
      await this.#run(waitMs, async change => {
        const kraftVersions = await this.#kraftVersionsOf(id, endpoint)
        if (this.#change !== change) return null
        if (kraftVersions === null) return later(`Node ${id} at ${endpoint.host}:${endpoint.port} does not answer`)
        const level = voters.kraftVersion
        if (kraftVersions.minSupportedVersion > level || kraftVersions.maxSupportedVersion < level)
          return refused(ErrorCode.INVALID_REQUEST, `Node ${id} does not support ${kraftFeature} ${level}`)
        const progress = this.#context.raft.progress?.progressOf({ id, directoryId })
        const sinceMs = this.#context.world.clock.monotonic() - recentMs
        if (!progress || progress.lastCaughtUpMs === -Infinity || progress.lastFetchMs < sinceMs)
          return later(`Node ${id} with directory ${directoryId} has not caught up with the log`)
        change.offset = this.#append([...voters.voters, { id, directoryId, endpoints: listeners, kraftVersions }])
        return ackWhenCommitted ? null : 'appended'
      }),
    )
  }

  async remove(request: RemoveRaftVoterRequest): Promise<RemoveRaftVoterResponse> {
    const removed = { id: request.voterId, directoryId: request.voterDirectoryId }
    const { voters, timeouts } = this.#context
    const refusal = this.#checkRequest(request.clusterId, removed) ?? this.#checkReady()
    if (refusal) return answered(refusal)
    const kept = voters.voters.filter(voter => !isSameVoter(voter, removed))
    if (kept.length === voters.voters.length)
      return answered(
        refused(ErrorCode.VOTER_NOT_FOUND, `None of the voters is ${removed.id} with directory ${removed.directoryId}`),
      )
    // The last voter would leave a quorum that can never elect anybody.
    if (kept.length === 0) return answered(refused(ErrorCode.INVALID_REQUEST, `Node ${removed.id} is the only voter`))
    return answered(
      await this.#run(timeouts.requestTimeoutMs, async change => {
        change.offset = this.#append(kept)
        return null
      }),
    )
  }

  async update(request: UpdateRaftVoterRequest, hint: () => LeaderHint): Promise<UpdateRaftVoterResponse> {
    const { voterId: id, voterDirectoryId: directoryId, listeners, kRaftVersionFeature: kraftVersions } = request
    const answer = ({ errorCode }: Outcome): UpdateRaftVoterResponse => {
      const { leaderId, leaderEpoch, endpoint } = hint()
      return {
        throttleTimeMs: 0,
        errorCode,
        currentLeader: { leaderId, leaderEpoch, host: endpoint?.host ?? '', port: endpoint?.port ?? 0 },
      }
    }
    const { raft, voters, listenerName, timeouts } = this.#context
    const { currentLeaderEpoch: epoch } = request
    const cluster = checkCluster(this.#context, request.clusterId)
    if (cluster) return answer(refused(cluster, ''))
    if (epoch !== raft.epoch)
      return answer(refused(epoch < raft.epoch ? ErrorCode.FENCED_LEADER_EPOCH : ErrorCode.UNKNOWN_LEADER_EPOCH, ''))
    const isStatic = voters.kraftVersion === 0
    const refusal = this.#checkRequest(request.clusterId, { id, directoryId }) ?? this.#checkReady(isStatic)
    if (refusal) return answer(refusal)
    const { minSupportedVersion: min, maxSupportedVersion: max } = kraftVersions
    const isUsable = min >= 0 && min <= voters.kraftVersion && max >= voters.kraftVersion
    if (!isUsable || !listeners.some(({ name }) => name === listenerName)) return answer(refused(ErrorCode.INVALID_REQUEST, ''))
    if (isStatic) {
      const isVoter = this.#upgrade.tell({ id, directoryId, endpoints: listeners, kraftVersions })
      return answer(isVoter ? done : refused(ErrorCode.VOTER_NOT_FOUND, ''))
    }
    if (!voters.voters.some(voter => isSameVoter(voter, { id, directoryId })))
      return answer(refused(ErrorCode.VOTER_NOT_FOUND, ''))
    const changed = voters.voters.map(voter =>
      isSameVoter(voter, { id, directoryId }) ? { id, directoryId, endpoints: listeners, kraftVersions } : voter,
    )
    return answer(
      await this.#run(timeouts.requestTimeoutMs, async change => {
        change.offset = this.#append(changed)
        return 'appended'
      }),
    )
  }

  /** The high watermark has moved. */
  committed(highWatermark: number): void {
    const change = this.#change
    if (!change || change.offset < 0 || highWatermark <= change.offset) return
    change.finish(done)
    // A leader that is none of the voters any more has led them to the change, and no further.
    if (!this.#context.raft.isVoter) this.#context.submit({ kind: 'resign' })
  }

  /** This node leads no longer: whether the change will be committed is not known. */
  fail(): void {
    this.#upgrade.forget()
    this.#change?.finish(refused(ErrorCode.NOT_LEADER_OR_FOLLOWER, 'This node leads the quorum no longer'))
  }

  #checkRequest(clusterId: string | null, voter: Voter): Outcome | null {
    if (checkCluster(this.#context, clusterId))
      return refused(ErrorCode.INCONSISTENT_CLUSTER_ID, `This is the cluster ${this.#context.clusterId}, not ${clusterId}`)
    if (this.#context.raft.role !== 'leader')
      return refused(ErrorCode.NOT_LEADER_OR_FOLLOWER, 'This node does not lead the quorum')
    if (voter.id < 0 || voter.directoryId === zeroUuid)
      return refused(ErrorCode.INVALID_REQUEST, 'The request names no voter with its directory')
    return null
  }

  #checkReady(isStaticAllowed = false): Outcome | null {
    const { raft, voters } = this.#context
    if (this.#change) return later('Another change of the voters is under way')
    if (raft.highWatermark <= (raft.progress?.epochStartOffset ?? Infinity))
      return later('The leader has not committed anything in its epoch yet')
    if (voters.kraftVersion === 0 && !isStaticAllowed)
      return refused(ErrorCode.UNSUPPORTED_VERSION, `The voters are those of controller.quorum.voters: ${kraftFeature} is 0`)
    if (voters.votersOffset >= raft.highWatermark) return later('The last change of the voters is not committed yet')
    return null
  }

  /**
   * Makes the change the one under way. `start` gives its outcome, or null when that comes with the commit, or 'appended' when the caller need
   * not wait for the commit though the next change must.
   */
  #run(waitMs: number, start: (change: Change) => Promise<Outcome | null | 'appended'>): Promise<Outcome> {
    return new Promise(resolve => {
      const timer = this.#context.world.clock.timer(waitMs, () => finish(later('The change was not committed in time')))
      const finish = (outcome: Outcome) => {
        timer.cancel()
        if (this.#change === change) this.#change = null
        resolve(outcome)
      }
      const change: Change = { offset: -1, timer, finish }
      this.#change = change
      start(change).then(
        outcome => {
          if (outcome === 'appended') resolve(done)
          else if (outcome) finish(outcome)
        },
        (error: Error) => finish(refused(ErrorCode.UNKNOWN_SERVER_ERROR, error.message)),
      )
    })
  }

  async #kraftVersionsOf(id: number, { host, port }: { host: string; port: number }) {
    const { transport, timeouts } = this.#context
    try {
      const body = () => ({ clientSoftwareName: 'millrace', clientSoftwareVersion: '0' })
      const response = await transport.request({ id, host, port }, ApiVersions, body, timeouts.requestTimeoutMs)
      if (response.errorCode !== ErrorCode.NONE) return null
      const feature = response.supportedFeatures.find(({ name }) => name === kraftFeature)
      return { minSupportedVersion: feature?.minVersion ?? 0, maxSupportedVersion: feature?.maxVersion ?? 0 }
    } catch {
      return null
    }
  }
}

function answered(outcome: Outcome) {
  return { throttleTimeMs: 0, ...outcome }
}
