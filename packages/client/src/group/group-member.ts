import { ErrorCode, errorOf, KafkaError } from '@millrace/protocol'
import { messageOf, type Timer } from '@millrace/runtime'
import { type ClientOptions, Cluster, otherClientOptions } from '../cluster.ts'
import { clientKeys, resolveOptions } from '../config.ts'
import { ClosedError, isRetriable } from '../errors.ts'
import { Coordinator } from './coordinator.ts'
import { type BeatingMember, heartbeat } from './heartbeat.ts'
import { joinGraceMs, joinGroup, syncGroup } from './join-group.ts'
import { leaveGroup } from './leave-group.ts'

export interface GroupMemberOptions extends ClientOptions {
  readonly groupId: string
  /** What the group is for, `sr` for instance: members of other types are refused. */
  readonly protocolType: string
  readonly protocolName: string
  /** Name of a static member, which takes its place again after a restart (KIP-345); it leaves all the same when it is closed. Default: none. */
  readonly groupInstanceId?: string
  /** Default 10,000. */
  readonly sessionTimeoutMs?: number
  /** Default 3,000. */
  readonly heartbeatIntervalMs?: number
  /** What members have to rejoin in. Default 60,000. */
  readonly rebalanceTimeoutMs?: number
}

export interface OtherMember {
  readonly memberId: string
  readonly metadata: Uint8Array
}

export interface GroupMemberEvents {
  /** What the others are told of this member at each rebalance. */
  metadata(): Uint8Array
  /** This member leads the group: what each is assigned, by member id. */
  assign(members: readonly OtherMember[]): ReadonlyMap<string, Uint8Array>
  /** The assignment of a generation. It holds until the next one, or until `lost`. */
  assigned(assignment: Uint8Array): void
  /** The group may have gone on without this member: the assignment is void. */
  lost(): void
}

/**
 * A member of a classic group that shares something else than partitions: what members tell of themselves and what they are assigned are bytes of the
 * caller's. Joins, stays and joins again by itself from `start` to `close`.
 */
export class GroupMember {
  readonly #cluster: Cluster
  readonly #coordinator: Coordinator
  readonly #options: Required<Pick<GroupMemberOptions, 'sessionTimeoutMs' | 'heartbeatIntervalMs' | 'rebalanceTimeoutMs'>> &
    GroupMemberOptions
  readonly #groupInstanceId: string | null
  readonly #requestTimeoutMs: number
  readonly #events: GroupMemberEvents
  #memberId = ''
  #generationId = -1
  #hasAssignment = false
  #sessionTimer: Timer | undefined
  #pauseTimer: Timer | undefined
  #endPause: (() => void) | undefined
  #isClosed = false

  /** Throws a ConfigError for a bad option. */
  constructor(options: GroupMemberOptions, events: GroupMemberEvents) {
    const {
      groupId,
      protocolType,
      protocolName,
      groupInstanceId,
      sessionTimeoutMs,
      heartbeatIntervalMs,
      rebalanceTimeoutMs,
      ...client
    } = options
    this.#options = {
      ...options,
      sessionTimeoutMs: sessionTimeoutMs ?? 10_000,
      heartbeatIntervalMs: heartbeatIntervalMs ?? 3_000,
      rebalanceTimeoutMs: rebalanceTimeoutMs ?? 60_000,
    }
    this.#groupInstanceId = groupInstanceId ?? null
    this.#events = events
    const { world, logger, bootstrapServers } = options
    const settings = resolveOptions(clientKeys, client, otherClientOptions, logger)
    this.#requestTimeoutMs = settings.requestTimeoutMs
    this.#cluster = new Cluster({ ...settings, world, logger, bootstrapServers, maxInFlightRequests: 100 })
    this.#coordinator = new Coordinator(this.#cluster, groupId)
  }

  get memberId(): string {
    return this.#memberId
  }

  start(): void {
    void this.#run()
  }

  /** Leaves the group. */
  async close(reason = 'closed'): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#sessionTimer?.cancel()
    this.#endPause?.()
    const memberId = this.#memberId
    if (memberId !== '')
      await leaveGroup(this.#cluster, this.#coordinator, { memberId, groupInstanceId: this.#groupInstanceId }, reason)
    this.#cluster.close()
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#isClosed; ) {
      try {
        await this.#join()
        failures = 0
        await this.#stay()
      } catch (error) {
        if (this.#isClosed || error instanceof ClosedError) return
        if (error instanceof KafkaError && this.#heeded(error)) continue
        const level = isRetriable(error) ? 'warn' : 'error'
        this.#cluster.logger[level]('client.group.member-failed', { group: this.#coordinator.groupId, error: messageOf(error) })
        await this.#pause(this.#cluster.retryBackoff.delayMs(++failures))
      }
    }
  }

  async #join(): Promise<void> {
    const { groupId } = this.#coordinator
    const { protocolType, protocolName, sessionTimeoutMs, rebalanceTimeoutMs } = this.#options
    const memberId = this.#memberId
    const groupInstanceId = this.#groupInstanceId
    const protocols = [{ name: protocolName, metadata: this.#events.metadata() }]
    const joined = await joinGroup(
      this.#coordinator,
      { memberId, groupInstanceId, sessionTimeoutMs, rebalanceTimeoutMs, protocolType, protocols },
      rebalanceTimeoutMs + joinGraceMs,
    )
    if (joined.errorCode === ErrorCode.MEMBER_ID_REQUIRED) this.#memberId = joined.memberId
    if (this.#isClosed) throw new ClosedError('group member')
    if (joined.errorCode !== ErrorCode.NONE) throw errorOf(joined.errorCode, `JoinGroup in group ${groupId}`)
    this.#memberId = joined.memberId
    this.#generationId = joined.generationId
    const isLeader = joined.leader === joined.memberId && !joined.skipAssignment
    const assigned = isLeader ? this.#events.assign(joined.members) : new Map<string, Uint8Array>()
    const synced = await syncGroup(this.#coordinator, {
      generationId: joined.generationId,
      memberId: joined.memberId,
      groupInstanceId,
      protocolType,
      protocolName,
      assignments: [...assigned].map(([memberId, assignment]) => ({ memberId, assignment })),
    })
    if (this.#isClosed) throw new ClosedError('group member')
    if (synced.errorCode !== ErrorCode.NONE) throw errorOf(synced.errorCode, `SyncGroup in group ${groupId}`)
    this.#heard()
    this.#hasAssignment = true
    this.#events.assigned(synced.assignment)
  }

  /** Heartbeats until the group rebalances. Throws what ends the membership. */
  async #stay(): Promise<void> {
    const timeouts = { sessionTimeoutMs: this.#options.sessionTimeoutMs, requestTimeoutMs: this.#requestTimeoutMs }
    const member = (): BeatingMember => ({
      generationId: this.#generationId,
      memberId: this.#memberId,
      groupInstanceId: this.#groupInstanceId,
    })
    let delayMs = this.#options.heartbeatIntervalMs
    for (;;) {
      await this.#pause(delayMs)
      if (this.#isClosed) return
      delayMs = this.#options.heartbeatIntervalMs
      try {
        const error = await heartbeat(this.#coordinator, member, timeouts)
        if (error === null || error.errorCode === ErrorCode.REBALANCE_IN_PROGRESS) this.#heard()
        if (error) throw error
      } catch (error) {
        if (error instanceof KafkaError && error.errorCode === ErrorCode.REBALANCE_IN_PROGRESS) return
        if (!isRetriable(error)) throw error
        // The coordinator may be back, or another one, in a moment; the session lives on meanwhile.
        if (error instanceof KafkaError) this.#coordinator.check(error)
        delayMs = Math.min(delayMs, this.#cluster.retryBackoff.delayMs(1))
      }
    }
  }

  /** Whether to join again at once; forgets what the error says is void. */
  #heeded(error: KafkaError): boolean {
    this.#coordinator.check(error)
    switch (error.errorCode) {
      case ErrorCode.MEMBER_ID_REQUIRED:
      case ErrorCode.REBALANCE_IN_PROGRESS:
        return true
      case ErrorCode.UNKNOWN_MEMBER_ID:
        this.#memberId = ''
        this.#lose()
        return true
      case ErrorCode.ILLEGAL_GENERATION:
        this.#lose()
        return true
      case ErrorCode.FENCED_INSTANCE_ID:
        // Somebody else goes by our name: the one who came last has it, until it comes again.
        this.#memberId = ''
        this.#lose()
        return false
      default:
        return false
    }
  }

  /** The coordinator knows of us: from now on a whole session. */
  #heard(): void {
    this.#sessionTimer?.cancel()
    if (this.#isClosed) return
    this.#sessionTimer = this.#cluster.world.clock.timer(this.#options.sessionTimeoutMs, () => this.#lose())
  }

  #lose(): void {
    this.#sessionTimer?.cancel()
    this.#generationId = -1
    if (!this.#hasAssignment || this.#isClosed) return
    this.#hasAssignment = false
    this.#events.lost()
  }

  #pause(delayMs: number): Promise<void> {
    if (this.#isClosed) return Promise.resolve()
    return new Promise(resolve => {
      this.#endPause = () => {
        this.#pauseTimer?.cancel()
        resolve()
      }
      this.#pauseTimer = this.#cluster.world.clock.timer(delayMs, resolve)
    })
  }
}
