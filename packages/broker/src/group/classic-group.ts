import { assert } from '@millrace/runtime'
import type { GroupMetadata } from './group-records.ts'
import { Member, type MemberProtocol } from './member.ts'
import { subscribedTopicsOf } from './subscription.ts'

export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead'

const previousStates: Readonly<Record<GroupState, readonly GroupState[]>> = {
  Empty: ['PreparingRebalance'],
  PreparingRebalance: ['Empty', 'Stable', 'CompletingRebalance'],
  CompletingRebalance: ['PreparingRebalance'],
  Stable: ['CompletingRebalance'],
  Dead: ['Empty', 'PreparingRebalance', 'CompletingRebalance', 'Stable'],
}

/** Protocol type of the groups of consumers; other types ("connect", "sr") are opaque. */
const consumerProtocolType = 'consumer'

/**
 * The members of a classic group and the rebalance they are in. It knows the rules of membership and no effects: `joining.ts`,
 * `syncing.ts` and `leaving.ts` move it. What the log has of it (`GroupMetadata`) is a stable or empty generation.
 */
export class ClassicGroup {
  readonly groupId: string
  #state: GroupState = 'Empty'
  #previousState: GroupState = 'Dead'
  currentStateTimestampMs: number
  protocolType: string | null = null
  protocolName: string | null = null
  generationId = 0
  leaderId: string | null = null
  /** Somebody joined since the initial delay was last extended. */
  newMemberAdded = false
  /** In the order of joining. */
  readonly members = new Map<string, Member>()
  /** Ids handed out to members that have not come back with them, with the session timeout each asked for. */
  readonly pendingJoin = new Map<string, number>()
  /** Members of this generation that have not sent SyncGroup. */
  readonly pendingSync = new Set<string>()
  readonly #staticMembers = new Map<string, string>()
  #subscribedTopics: ReadonlySet<string> | null = null

  constructor(groupId: string, nowMs: number) {
    this.groupId = groupId
    this.currentStateTimestampMs = nowMs
  }

  /** The group as the log has it: Stable with members, else Empty. */
  static restored(groupId: string, value: GroupMetadata): ClassicGroup {
    const group = new ClassicGroup(groupId, value.currentStateTimestampMs)
    group.generationId = value.generation
    group.protocolType = value.protocolType === '' ? null : value.protocolType
    for (const stored of value.members) group.add(Member.stored(stored, value.protocol ?? ''))
    if (value.members.length > 0) {
      group.#state = 'Stable'
      group.protocolName = value.protocol
      group.leaderId = value.leader
      group.#subscribedTopics = group.#subscription()
    }
    return group
  }

  /** What is written for the present members and assignments. */
  toMetadata(): GroupMetadata {
    const isEmpty = this.members.size === 0
    return {
      protocolType: this.protocolType ?? '',
      generation: this.generationId,
      protocol: isEmpty ? null : this.protocolName,
      leader: isEmpty ? null : this.leaderId,
      currentStateTimestampMs: this.currentStateTimestampMs,
      members: [...this.members.values()].map(member => ({
        memberId: member.memberId,
        groupInstanceId: member.groupInstanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        rebalanceTimeoutMs: member.rebalanceTimeoutMs,
        sessionTimeoutMs: member.sessionTimeoutMs,
        subscription: member.metadataOf(this.protocolName),
        assignment: member.assignment,
      })),
    }
  }

  get state(): GroupState {
    return this.#state
  }

  get previousState(): GroupState {
    return this.#previousState
  }

  transitionTo(state: GroupState, nowMs: number): void {
    assert(previousStates[state].includes(this.#state), `group ${this.groupId}: ${this.#state} to ${state}`)
    this.#previousState = this.#state
    this.#state = state
    this.currentStateTimestampMs = nowMs
  }

  /** A rebalance can begin: none is being prepared. */
  get canRebalance(): boolean {
    return this.#state === 'Stable' || this.#state === 'CompletingRebalance' || this.#state === 'Empty'
  }

  get awaitingJoinCount(): number {
    let count = 0
    for (const member of this.members.values()) if (member.join) count++
    return count
  }

  get hasAllMembersJoined(): boolean {
    return this.pendingJoin.size === 0 && this.awaitingJoinCount === this.members.size
  }

  /** The longest that a member asked for. */
  get rebalanceTimeoutMs(): number {
    let longest = 0
    for (const member of this.members.values()) longest = Math.max(longest, member.rebalanceTimeoutMs)
    return longest
  }

  staticMemberId(groupInstanceId: string): string | undefined {
    return this.#staticMembers.get(groupInstanceId)
  }

  /** The first member decides the protocol type. */
  add(member: Member, protocolType = this.protocolType): void {
    if (this.members.size === 0) this.protocolType = protocolType
    if (member.groupInstanceId !== null) {
      assert(!this.#staticMembers.has(member.groupInstanceId), `group ${this.groupId}: ${member.groupInstanceId} is taken`)
      this.#staticMembers.set(member.groupInstanceId, member.memberId)
    }
    this.leaderId ??= member.memberId
    this.members.set(member.memberId, member)
    this.pendingJoin.delete(member.memberId)
  }

  remove(memberId: string): void {
    const member = this.members.get(memberId)
    if (member) {
      this.members.delete(memberId)
      if (member.groupInstanceId !== null) this.#staticMembers.delete(member.groupInstanceId)
    }
    if (this.leaderId === memberId) this.leaderId = this.members.keys().next().value ?? null
    this.pendingJoin.delete(memberId)
    this.pendingSync.delete(memberId)
  }

  /** Gives a static member's place, protocols and assignment to a new member id (KIP-345). */
  replaceStatic(old: Member, newMemberId: string): Member {
    const successor = new Member({ ...identityOf(old), memberId: newMemberId })
    successor.rebalanceTimeoutMs = old.rebalanceTimeoutMs
    successor.sessionTimeoutMs = old.sessionTimeoutMs
    successor.protocols = old.protocols
    successor.assignment = old.assignment
    const wasLeader = this.leaderId === old.memberId
    this.remove(old.memberId)
    this.add(successor)
    if (wasLeader) this.leaderId = newMemberId
    return successor
  }

  /** Before a generation starts: the leader must be one that joined. False: nobody did. */
  electJoinedLeader(): boolean {
    if (this.leaderId === null) return false
    if (this.members.get(this.leaderId)?.join) return true
    for (const member of this.members.values()) {
      if (!member.join) continue
      this.leaderId = member.memberId
      return true
    }
    return false
  }

  /** Starts the next generation with the members there are. */
  startGeneration(nowMs: number): void {
    this.generationId++
    this.pendingSync.clear()
    if (this.members.size === 0) {
      this.protocolName = null
      this.#subscribedTopics = this.#subscription()
      this.transitionTo('Empty', nowMs)
    } else {
      this.protocolName = this.selectProtocol()
      this.#subscribedTopics = this.#subscription()
      this.transitionTo('CompletingRebalance', nowMs)
    }
  }

  /** The protocol with most votes; each member votes for the first in its list that all support. */
  selectProtocol(): string {
    const votes = new Map<string, number>()
    const supporters = this.#supporters()
    for (const member of this.members.values()) {
      const vote = member.protocols.find(({ name }) => supporters.get(name) === this.members.size)
      assert(vote, `group ${this.groupId}: no protocol that all members support`)
      votes.set(vote.name, (votes.get(vote.name) ?? 0) + 1)
    }
    let selected = ''
    let most = 0
    for (const [name, count] of votes) {
      if (count <= most) continue
      selected = name
      most = count
    }
    return selected
  }

  /** Whether a member with these protocols can be in the group: one of them must be known to all others. */
  supportsProtocols(protocolType: string, protocols: readonly MemberProtocol[]): boolean {
    if (this.#state === 'Empty') return protocolType !== '' && protocols.length > 0
    if (protocolType !== this.protocolType) return false
    const supporters = this.#supporters()
    return protocols.some(({ name }) => (supporters.get(name) ?? 0) === this.members.size)
  }

  /** Topics that the members of a consumer group read; null: not known, as the protocol is opaque. */
  get subscribedTopics(): ReadonlySet<string> | null {
    return this.#subscribedTopics
  }

  get isConsumerProtocol(): boolean {
    return this.protocolType === consumerProtocolType
  }

  isSubscribedTo(topic: string): boolean {
    return this.#subscribedTopics?.has(topic) ?? this.isConsumerProtocol
  }

  /** How many members know each protocol. */
  #supporters(): Map<string, number> {
    const counts = new Map<string, number>()
    for (const member of this.members.values())
      for (const name of new Set(member.protocols.map(protocol => protocol.name))) counts.set(name, (counts.get(name) ?? 0) + 1)
    return counts
  }

  #subscription(): ReadonlySet<string> | null {
    if (!this.isConsumerProtocol) return null
    const topics = new Set<string>()
    for (const member of this.members.values()) {
      const subscribed = subscribedTopicsOf(member.metadataOf(this.protocolName))
      if (subscribed === null) return null
      for (const topic of subscribed) topics.add(topic)
    }
    return topics
  }
}

function identityOf({ memberId, groupInstanceId, clientId, clientHost }: Member) {
  return { memberId, groupInstanceId, clientId, clientHost }
}
