import type { JoinAnswer, JoinRequest, SyncAnswer } from './group-input.ts'
import type { StoredMember } from './group-records.ts'

export interface MemberProtocol {
  readonly name: string
  readonly metadata: Uint8Array
}

export interface MemberIdentity {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
}

/** A member of a classic group: what it said in its last JoinGroup and which of its requests are parked. */
export class Member {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  rebalanceTimeoutMs = 0
  sessionTimeoutMs = 0
  protocols: readonly MemberProtocol[] = []
  assignment: Uint8Array = new Uint8Array()
  /** Has not been answered since it joined: its session is the time we park a first join, as it cannot send heartbeats. */
  isNew = false
  /** The parked JoinGroup. */
  join: JoinAnswer | null = null
  /** The parked SyncGroup. */
  sync: SyncAnswer | null = null
  /** Monotonic time at which the session ends. */
  expiresAtMs = Infinity
  /** When the armed timer fires; Infinity: none is armed. The session's end moves without touching the timer. */
  timerAtMs = Infinity

  constructor(identity: MemberIdentity) {
    this.memberId = identity.memberId
    this.groupInstanceId = identity.groupInstanceId
    this.clientId = identity.clientId
    this.clientHost = identity.clientHost
  }

  /** A member as the log has it: it knows one protocol, the group's. */
  static stored(value: StoredMember, protocol: string): Member {
    const member = new Member(value)
    member.rebalanceTimeoutMs = value.rebalanceTimeoutMs < 0 ? value.sessionTimeoutMs : value.rebalanceTimeoutMs
    member.sessionTimeoutMs = value.sessionTimeoutMs
    member.protocols = [{ name: protocol, metadata: value.subscription }]
    member.assignment = value.assignment
    return member
  }

  get isStatic(): boolean {
    return this.groupInstanceId !== null
  }

  /** Takes over what the request says. The bytes are copied: the request's frame is not kept. */
  update(request: JoinRequest): void {
    this.rebalanceTimeoutMs = request.rebalanceTimeoutMs
    this.sessionTimeoutMs = request.sessionTimeoutMs
    this.protocols = request.protocols.map(({ name, metadata }) => ({ name, metadata: new Uint8Array(metadata) }))
  }

  /** Same protocols, in the same order, with the same metadata. */
  matches(protocols: readonly MemberProtocol[]): boolean {
    return (
      protocols.length === this.protocols.length &&
      protocols.every(({ name, metadata }, index) => {
        const own = this.protocols[index]!
        return name === own.name && Buffer.compare(metadata, own.metadata) === 0
      })
    )
  }

  metadataOf(protocol: string | null): Uint8Array {
    return this.protocols.find(({ name }) => name === protocol)?.metadata ?? new Uint8Array()
  }
}
