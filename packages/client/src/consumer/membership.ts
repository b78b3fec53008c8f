import { ErrorCode, errorOf, KafkaError } from '@millrace/protocol'
import { messageOf, sleep, type Timer } from '@millrace/runtime'
import type { Cluster } from '../cluster.ts'
import { ClosedError, isRetriable, StateError } from '../errors.ts'
import type { Coordinator } from '../group/coordinator.ts'
import type { Committer } from '../group/group-offsets.ts'
import { heartbeat } from '../group/heartbeat.ts'
import { joinGraceMs, joinGroup, syncGroup } from '../group/join-group.ts'
import { leaveGroup } from '../group/leave-group.ts'
import type { Assignor, MemberAssignment } from './assignors/assignor.ts'
import { decodeAssignment, encodeSubscription } from './consumer-protocol.ts'
import { GroupLeader } from './group-leader.ts'

export interface MembershipOptions {
  readonly groupInstanceId: string | null
  readonly assignors: readonly Assignor[]
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  /** Longest time between two polls, and what members have to rejoin in. */
  readonly maxPollIntervalMs: number
  readonly requestTimeoutMs: number
  readonly clientRack: string | null
}

/** What happens to the consumer as a member. Called only while the reader is in `poll`, one at a time, and waited for. */
export interface MembershipEvents {
  /** A rebalance: give up what is assigned. Called before the member rejoins, while its partitions are still its own. */
  revoke(): Promise<void>
  /** The partitions are somebody else's already. */
  lose(): Promise<void>
  assign(assignment: Required<MemberAssignment>, generationId: number): Promise<void>
  /** Something to do at the next poll. */
  wake(): void
}

/**
 * `out`: not in the group, joins at the next poll. `joining`: JoinGroup and SyncGroup are under way. `joined`: an assignment is there and waits for the
 * next poll. `stable`: the reader has it.
 */
type Phase = 'out' | 'joining' | 'joined' | 'stable'

const protocolType = 'consumer'

/** How long leaving waits for the id that a first JoinGroup gets, which brokers give at once. */
const idTimeoutMs = 1_000

/**
 * A member of a classic group. The eager protocol: everything is revoked before the member rejoins. Heartbeats run by themselves on the coordinator's
 * connection, however long the reader works; but a reader that does not poll for `maxPollIntervalMs` leaves the group (KIP-62).
 */
export class Membership {
  readonly #cluster: Cluster
  readonly #coordinator: Coordinator
  readonly #options: MembershipOptions
  readonly #events: MembershipEvents
  readonly #leader: GroupLeader
  #topics: readonly string[] = []
  #phase: Phase = 'out'
  #memberId = ''
  #generationId = -1
  /** The group is rebalancing: rejoin at the next poll. */
  #mustRejoin = false
  /** The partitions are gone: tell the reader at the next poll. */
  #isLost = false
  #assignment: Required<MemberAssignment> | undefined
  #assignor: Assignor | undefined
  #failure: Error | undefined
  #heartbeatTimer: Timer | undefined
  #lastPollMs: number
  /** The id that a JoinGroup without one gets; empty if it gets none. */
  #firstJoin: Promise<string> | undefined
  /** Grows when the member starts over: what an older attempt brings is ignored. */
  #attempt = 0
  #isClosed = false

  constructor(cluster: Cluster, coordinator: Coordinator, options: MembershipOptions, events: MembershipEvents) {
    this.#cluster = cluster
    this.#coordinator = coordinator
    this.#options = options
    this.#events = events
    this.#leader = new GroupLeader(cluster, coordinator.groupId)
    this.#lastPollMs = cluster.world.clock.monotonic()
  }

  get committer(): Committer {
    return { generationId: this.#generationId, memberId: this.#memberId, groupInstanceId: this.#options.groupInstanceId }
  }

  /** In the group with an assignment that the reader has, and nothing for `serve` to do. */
  get isStable(): boolean {
    return this.#phase === 'stable' && !this.#mustRejoin && !this.#isLost && this.#failure === undefined
  }

  get isInGroup(): boolean {
    return this.#phase === 'stable' || this.#phase === 'joined'
  }

  get memberId(): string {
    return this.#memberId
  }

  get generationId(): number {
    return this.#generationId
  }

  /** Joins with other topics at the next poll. */
  subscribe(topics: readonly string[]): void {
    this.#topics = topics
    for (const topic of topics) this.#cluster.metadata.track(topic)
    this.#mustRejoin = true
    this.#events.wake()
  }

  /** The reader is in `poll`: does what is due, callbacks included. Throws what keeps the member out of the group for good. */
  async serve(): Promise<void> {
    if (this.#failure) {
      const failure = this.#failure
      this.#failure = undefined
      this.#phase = 'out'
      throw failure
    }
    if (this.#isLost) {
      this.#isLost = false
      await this.#events.lose()
    }
    if (this.#phase === 'joined') await this.#handOver()
    if (this.#phase === 'stable' && this.#mustRejoin) {
      await this.#events.revoke()
      // The callback may have taken its time: the session may be over meanwhile.
      if (this.#isLost) {
        this.#isLost = false
        await this.#events.lose()
      }
      if (this.#phase === 'stable') this.#startJoin()
    }
    if (this.#phase === 'out' && !this.#isClosed) this.#startJoin()
  }

  /** The reader makes progress. */
  polled(nowMs: number): void {
    this.#lastPollMs = nowMs
  }

  /** What a commit was refused with may mean that the member is out. */
  checkCommitError(error: unknown): void {
    if (error instanceof KafkaError) this.#checkGroupError(error)
  }

  /** The number of partitions of a topic may have changed: the leader asks for a new assignment. */
  metadataChanged(): void {
    if (this.#phase === 'stable' && this.#leader.mustReassign()) this.#rejoin()
  }

  /** Leaves, so that the partitions go to others at once; a static member stays, to come back (KIP-345). Best effort. */
  async leave(reason: string): Promise<void> {
    this.#stopTimers()
    const isJoining = this.#phase === 'joining'
    let memberId = this.#memberId
    this.#reset(true)
    if (this.#options.groupInstanceId !== null) return
    // An id that was given out is waited for by the whole group, until its session is over.
    if (memberId === '' && isJoining) memberId = await this.#idToCome()
    if (memberId === '') return
    await leaveGroup(this.#cluster, this.#coordinator, { memberId, groupInstanceId: null }, reason)
  }

  close(): void {
    this.#isClosed = true
    this.#attempt++
    this.#stopTimers()
  }

  async #idToCome(): Promise<string> {
    const joining = this.#firstJoin
    if (!joining) return ''
    let timer: Timer | undefined
    const timeUp = new Promise<string>(resolve => {
      timer = this.#cluster.world.clock.timer(idTimeoutMs, () => resolve(''))
    })
    const memberId = await Promise.race([joining, timeUp])
    timer?.cancel()
    return memberId
  }

  // Joining

  #startJoin(): void {
    this.#phase = 'joining'
    this.#mustRejoin = false
    this.#leader.reset()
    this.#heartbeatTimer?.cancel()
    this.#heartbeatTimer = undefined
    const attempt = ++this.#attempt
    this.#join(attempt).catch(error => {
      if (attempt !== this.#attempt) return
      this.#phase = 'out'
      this.#failure = error as Error
      this.#events.wake()
    })
  }

  async #join(attempt: number): Promise<void> {
    const { world, retryBackoff, logger } = this.#cluster
    for (let failures = 0; attempt === this.#attempt; ) {
      try {
        await this.#joinOnce(attempt)
        return
      } catch (error) {
        if (attempt !== this.#attempt || error instanceof ClosedError) return
        const again = error instanceof KafkaError && this.#mayRejoinAfter(error)
        if (!again && !isRetriable(error)) throw error
        if (error instanceof KafkaError && error.errorCode === ErrorCode.MEMBER_ID_REQUIRED) continue
        logger.info('client.group.join-retried', { group: this.#coordinator.groupId, error: messageOf(error) })
        await sleep(world.clock, retryBackoff.delayMs(++failures))
      }
    }
  }

  /** Errors of JoinGroup and SyncGroup after which the member joins again; forgets what the error says is void. */
  #mayRejoinAfter(error: KafkaError): boolean {
    this.#coordinator.check(error)
    switch (error.errorCode) {
      case ErrorCode.MEMBER_ID_REQUIRED:
      case ErrorCode.REBALANCE_IN_PROGRESS:
        return true
      case ErrorCode.UNKNOWN_MEMBER_ID:
        this.#memberId = ''
        this.#generationId = -1
        return true
      case ErrorCode.ILLEGAL_GENERATION:
        this.#generationId = -1
        return true
      default:
        return false
    }
  }

  async #joinOnce(attempt: number): Promise<void> {
    const { groupId } = this.#coordinator
    const { assignors, sessionTimeoutMs, maxPollIntervalMs, groupInstanceId, clientRack } = this.#options
    const topics = this.#topics
    const protocols = assignors.map(assignor => ({
      name: assignor.name,
      metadata: encodeSubscription({
        topics,
        userData: assignor.userData?.(topics) ?? null,
        ownedPartitions: [],
        generationId: this.#generationId,
        rackId: clientRack,
      }),
    }))
    const memberId = this.#memberId
    const joining = joinGroup(
      this.#coordinator,
      { memberId, groupInstanceId, sessionTimeoutMs, rebalanceTimeoutMs: maxPollIntervalMs, protocolType, protocols },
      Math.max(this.#options.requestTimeoutMs, maxPollIntervalMs + joinGraceMs),
    )
    this.#firstJoin = memberId === '' ? joining.then(answer => answer.memberId).catch(() => '') : undefined
    const joined = await joining
    if (attempt !== this.#attempt) return
    if (joined.errorCode === ErrorCode.MEMBER_ID_REQUIRED) this.#memberId = joined.memberId
    if (joined.errorCode !== ErrorCode.NONE) throw this.#groupError('JoinGroup', joined.errorCode)
    this.#memberId = joined.memberId
    this.#generationId = joined.generationId
    const protocolName = joined.protocolName ?? ''
    const assignor = assignors.find(({ name }) => name === protocolName)
    if (!assignor) throw new StateError(`Group ${groupId} chose the assignor ${protocolName}, which this member does not have`)
    const isLeader = joined.leader === joined.memberId && !joined.skipAssignment
    const assignments = isLeader ? await this.#leader.assign(assignor, joined) : []
    const synced = await syncGroup(this.#coordinator, {
      generationId: joined.generationId,
      memberId: joined.memberId,
      groupInstanceId,
      protocolType,
      protocolName,
      assignments,
    })
    if (attempt !== this.#attempt) return
    if (synced.errorCode !== ErrorCode.NONE) throw this.#groupError('SyncGroup', synced.errorCode)
    this.#assignment = decodeAssignment(synced.assignment)
    this.#assignor = assignor
    this.#phase = 'joined'
    this.#cluster.logger.info('client.group.joined', {
      group: groupId,
      member: joined.memberId,
      generation: joined.generationId,
      leader: isLeader,
      partitions: this.#assignment.partitions.length,
    })
    this.#beatLater()
    this.#events.wake()
  }

  async #handOver(): Promise<void> {
    const assignment = this.#assignment!
    const generationId = this.#generationId
    this.#assignment = undefined
    this.#phase = 'stable'
    this.#assignor?.assigned?.(assignment, generationId)
    await this.#events.assign(assignment, generationId)
  }

  // Staying

  #beatLater(delayMs = this.#options.heartbeatIntervalMs): void {
    if (this.#isClosed) return
    this.#heartbeatTimer?.cancel()
    this.#heartbeatTimer = this.#cluster.world.clock.timer(delayMs, () => void this.#beat(this.#attempt))
  }

  async #beat(attempt: number): Promise<void> {
    const { clock } = this.#cluster.world
    const { maxPollIntervalMs } = this.#options
    const { groupId } = this.#coordinator
    if (clock.monotonic() - this.#lastPollMs > maxPollIntervalMs) {
      this.#cluster.logger.warn('client.group.poll-overdue', {
        group: groupId,
        maxPollIntervalMs,
        hint: 'poll more often, or raise maxPollIntervalMs',
      })
      const leaving = this.leave('poll interval exceeded')
      this.#isLost = true
      this.#events.wake()
      await leaving
      return
    }
    let delayMs = this.#options.heartbeatIntervalMs
    try {
      const error = await heartbeat(this.#coordinator, () => this.committer, this.#options)
      if (attempt !== this.#attempt) return
      if (error) {
        this.#checkGroupError(error)
        // Another broker coordinates the group now, or will in a moment.
        if (error.retriable && this.isInGroup && !this.#mustRejoin)
          delayMs = Math.min(delayMs, this.#cluster.retryBackoff.delayMs(1))
      }
    } catch (error) {
      if (attempt !== this.#attempt) return
      // The coordinator may be back, or another one, in a moment; the session lives on meanwhile.
      this.#cluster.logger.warn('client.group.heartbeat-failed', { group: groupId, error: messageOf(error) })
      delayMs = Math.min(delayMs, this.#cluster.retryBackoff.delayMs(3))
    }
    if (attempt === this.#attempt && this.isInGroup) this.#beatLater(delayMs)
  }

  /** What an answer to a heartbeat or a commit means for the membership. */
  #checkGroupError(error: KafkaError): void {
    this.#coordinator.check(error)
    switch (error.errorCode) {
      case ErrorCode.REBALANCE_IN_PROGRESS:
        this.#rejoin()
        break
      case ErrorCode.UNKNOWN_MEMBER_ID:
        this.#expelled(error, true)
        break
      case ErrorCode.ILLEGAL_GENERATION:
        this.#expelled(error, false)
        break
      case ErrorCode.FENCED_INSTANCE_ID:
      case ErrorCode.GROUP_AUTHORIZATION_FAILED:
        this.#expelled(error, true)
        this.#failure = error
        break
    }
  }

  #rejoin(): void {
    if (this.#phase !== 'stable' && this.#phase !== 'joined') return
    this.#mustRejoin = true
    this.#events.wake()
  }

  /** The group has gone on without this member. */
  #expelled(error: KafkaError, forgetId: boolean): void {
    if (!this.isInGroup) return
    this.#cluster.logger.warn('client.group.lost', {
      group: this.#coordinator.groupId,
      member: this.#memberId,
      error: error.code,
    })
    this.#isLost = true
    this.#reset(forgetId)
    this.#events.wake()
  }

  #reset(forgetId: boolean): void {
    this.#attempt++
    this.#phase = 'out'
    this.#mustRejoin = false
    this.#assignment = undefined
    this.#leader.reset()
    this.#generationId = -1
    if (forgetId) this.#memberId = ''
    this.#heartbeatTimer?.cancel()
    this.#heartbeatTimer = undefined
  }

  #stopTimers(): void {
    this.#heartbeatTimer?.cancel()
    this.#heartbeatTimer = undefined
    this.#leader.reset()
  }

  #groupError(what: string, errorCode: number): KafkaError {
    return errorOf(errorCode, `${what} in group ${this.#coordinator.groupId}`)
  }
}
