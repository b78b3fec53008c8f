import { ErrorCode } from '@millrace/protocol'
import type { Machine } from '@millrace/runtime'
import { ClassicGroup } from './classic-group.ts'
import { commitError, commitOffsets, deleteOffsets, fetchOffsets, offsetTombstone } from './committing.ts'
import { describeGroup, describeUnknownGroup } from './describing.ts'
import { Group } from './group.ts'
import type { GroupEnvironment } from './group-environment.ts'
import type {
  CommitRequest,
  CommitResponse,
  GroupInput,
  GroupListing,
  JoinAnswer,
  JoinRequest,
  LeaveRequest,
  LeaveResponse,
  TimerInput,
} from './group-input.ts'
import type { GroupRecord } from './group-records.ts'
import { joinGroup } from './joining.ts'
import { checkSession, leaveGroup } from './leaving.ts'
import { joinError, syncError } from './membership.ts'
import { expiredOffsets } from './offset-expiry.ts'
import { completeJoin, initialDelayOver, rebalance, syncTimeout } from './rebalance.ts'
import { extendSession, timerName } from './sessions.ts'
import { type GroupEffect, Step } from './step.ts'
import { heartbeat, syncGroup } from './syncing.ts'

/**
 * Coordinates the groups of one partition of `__consumer_offsets`. What survives (generations with their members and assignments, offsets)
 * changes in `apply`; a rebalance in progress lives in memory only, and after a restart its members join again.
 */
export class CoordinatorMachine implements Machine<GroupInput, GroupRecord> {
  readonly #environment: GroupEnvironment
  readonly #groups = new Map<string, Group>()
  /** Groups with offsets of transactions that have not ended. */
  readonly #transactions = new Map<number, Set<string>>()

  constructor(environment: GroupEnvironment) {
    this.#environment = environment
  }

  group(groupId: string): Group | undefined {
    return this.#groups.get(groupId)
  }

  groups(): IterableIterator<Group> {
    return this.#groups.values()
  }

  step(input: GroupInput, nowMs: number): readonly GroupEffect[] {
    const step = new Step(nowMs, this.#environment.wallMs())
    this.#take(step, input)
    return step.effects()
  }

  apply(record: GroupRecord): void {
    if (record.kind === 'transactionEnd') {
      for (const id of this.#transactions.get(record.producerId) ?? [])
        this.#groups.get(id)?.offsets.endTransaction(record.producerId, record.committed)
      this.#transactions.delete(record.producerId)
    } else if (record.kind === 'group') {
      if (record.value) this.#create(record.group).stored = record.value
      else this.#delete(record.group)
    } else if (record.value === null) {
      const group = this.#groups.get(record.group)
      group?.offsets.delete(record.topic, record.partition)
      if (group?.isVacant) this.#groups.delete(group.id)
    } else {
      const { group, topic, partition, value, producerId } = record
      const { offsets } = this.#create(group)
      if (producerId === undefined) {
        offsets.set(topic, partition, value)
      } else {
        offsets.setPending(producerId, topic, partition, value)
        const groups = this.#transactions.get(producerId)
        if (groups) groups.add(group)
        else this.#transactions.set(producerId, new Set([group]))
      }
    }
  }

  #take(step: Step, input: GroupInput): void {
    switch (input.kind) {
      case 'join':
        this.#join(step, input.request, input.answer)
        break
      case 'sync': {
        const group = this.#groups.get(input.request.groupId)
        if (group) syncGroup(this.#environment, step, group.classic, input.request, input.answer)
        else step.reply(input.answer, syncError(ErrorCode.UNKNOWN_MEMBER_ID))
        break
      }
      case 'heartbeat': {
        const group = this.#groups.get(input.request.groupId)
        step.reply(input.answer, group ? heartbeat(step, group.classic, input.request) : ErrorCode.UNKNOWN_MEMBER_ID)
        break
      }
      case 'leave':
        step.reply(input.answer, this.#leave(step, input.request))
        break
      case 'describe': {
        const group = this.#groups.get(input.groupId)
        step.reply(input.answer, group ? describeGroup(group) : describeUnknownGroup(input.groupId))
        break
      }
      case 'list':
        step.reply(input.answer, this.#list())
        break
      case 'delete':
        step.reply(input.answer, this.#deleteGroup(step, input.groupId))
        break
      case 'commitOffsets':
        step.reply(input.answer, this.#commit(step, input.request))
        break
      case 'fetchOffsets':
        step.reply(input.answer, fetchOffsets(this.#groups.get(input.request.groupId), input.request))
        break
      case 'deleteOffsets':
        step.reply(input.answer, deleteOffsets(step, this.#groups.get(input.request.groupId), input.request))
        break
      case 'loaded':
        this.#loaded(step)
        break
      case 'topicsDeleted':
        this.#forgetTopics(step, input.names)
        break
      case 'offsetsExpiryCheck':
        this.#expireOffsets(step)
        break
      default:
        this.#timeout(step, input)
    }
  }

  #timeout(step: Step, input: Exclude<TimerInput, { kind: 'offsetsExpiryCheck' }>): void {
    const group = this.#groups.get(input.groupId)
    if (!group) return
    const { classic } = group
    if (input.kind === 'initialDelayOver') initialDelayOver(this.#environment, step, classic, input)
    else if (input.kind === 'joinTimeout') completeJoin(step, classic)
    else if (input.kind === 'syncTimeout') syncTimeout(this.#environment, step, classic, input.generationId)
    else checkSession(this.#environment, step, classic, input.memberId)
    this.#forgetIfVacant(step, group)
  }

  #join(step: Step, request: JoinRequest, answer: JoinAnswer): void {
    const errorCode = this.#checkJoin(request)
    if (errorCode !== ErrorCode.NONE) {
      step.reply(answer, joinError(errorCode, request.memberId))
      return
    }
    const group = this.#create(request.groupId)
    joinGroup(this.#environment, step, group.classic, request, answer)
    this.#forgetIfVacant(step, group)
  }

  #checkJoin({ groupId, memberId, sessionTimeoutMs }: JoinRequest): number {
    const { minSessionTimeoutMs, maxSessionTimeoutMs } = this.#environment.limits
    if (groupId === '') return ErrorCode.INVALID_GROUP_ID
    if (sessionTimeoutMs < minSessionTimeoutMs || sessionTimeoutMs > maxSessionTimeoutMs) return ErrorCode.INVALID_SESSION_TIMEOUT
    return memberId !== '' && !this.#groups.has(groupId) ? ErrorCode.UNKNOWN_MEMBER_ID : ErrorCode.NONE
  }

  #forgetIfVacant(step: Step, group: Group): void {
    // What this step appends is applied after it.
    if (!step.appends && group.isVacant && group.classic.state === 'Empty') this.#groups.delete(group.id)
  }

  #leave(step: Step, { groupId, members }: LeaveRequest): LeaveResponse {
    const group = this.#groups.get(groupId)
    if (group) return leaveGroup(this.#environment, step, group.classic, members)
    return { errorCode: ErrorCode.NONE, members: members.map(member => ({ ...member, errorCode: ErrorCode.UNKNOWN_MEMBER_ID })) }
  }

  #commit(step: Step, request: CommitRequest): CommitResponse {
    let group = this.#groups.get(request.groupId)
    if (!group && request.generationId >= 0) return commitError(request, request.unknownGroupErrorCode)
    // Kept by `apply`, if anything is written.
    group ??= new Group(request.groupId, step.wallMs)
    return commitOffsets(this.#environment, step, group, request)
  }

  #list(): GroupListing[] {
    return [...this.#groups.values()].map(({ id, classic }) => ({
      groupId: id,
      protocolType: classic.protocolType ?? '',
      state: classic.state,
    }))
  }

  /** The error code. The group's offsets go with it, in the same append. */
  #deleteGroup(step: Step, groupId: string): number {
    const group = this.#groups.get(groupId)
    if (!group) return ErrorCode.GROUP_ID_NOT_FOUND
    if (group.classic.state !== 'Empty') return ErrorCode.NON_EMPTY_GROUP
    for (const [topic, partitions] of group.offsets.topics())
      for (const partition of partitions.keys()) step.append(offsetTombstone(groupId, topic, partition))
    step.append({ kind: 'group', group: groupId, value: null })
    return ErrorCode.NONE
  }

  /** The log has been replayed: the groups act again, and every member has a whole session to be heard of. */
  #loaded(step: Step): void {
    for (const group of this.#groups.values()) {
      if (group.stored) group.classic = ClassicGroup.restored(group.id, group.stored)
      const { classic } = group
      for (const member of classic.members.values()) extendSession(step, classic, member, member.sessionTimeoutMs)
      if (classic.members.size > this.#environment.limits.maxSize) rebalance(this.#environment, step, classic)
    }
    this.#armExpiryCheck(step)
  }

  #forgetTopics(step: Step, names: readonly string[]): void {
    for (const { id, offsets } of this.#groups.values())
      for (const name of names)
        for (const partition of offsets.partitionsOf(name)?.keys() ?? []) step.append(offsetTombstone(id, name, partition))
  }

  #expireOffsets(step: Step): void {
    for (const group of this.#groups.values()) {
      const { id, offsets, classic } = group
      const expired = expiredOffsets(group, step.wallMs, this.#environment.limits.offsetsRetentionMs)
      for (const { topic, partition } of expired) step.append(offsetTombstone(id, topic, partition))
      const left = [...offsets.topics()].reduce((count, [, partitions]) => count + partitions.size, -expired.length)
      // Nothing left and nobody in it: the group itself goes.
      if (left === 0 && classic.state === 'Empty' && classic.pendingJoin.size === 0 && !offsets.hasTransactions && group.stored)
        step.append({ kind: 'group', group: id, value: null })
    }
    this.#armExpiryCheck(step)
  }

  #armExpiryCheck(step: Step): void {
    const atMs = step.nowMs + this.#environment.limits.offsetsExpiryCheckIntervalMs
    step.timer(timerName.offsetsExpiry, atMs, { kind: 'offsetsExpiryCheck' })
  }

  #create(groupId: string): Group {
    let group = this.#groups.get(groupId)
    if (!group) this.#groups.set(groupId, (group = new Group(groupId, this.#environment.wallMs())))
    return group
  }

  #delete(groupId: string): void {
    const group = this.#groups.get(groupId)
    if (!group) return
    group.stored = null
    if (group.offsets.isEmpty) this.#groups.delete(groupId)
    else group.classic = new ClassicGroup(groupId, this.#environment.wallMs())
  }
}
