import { errorFacts } from '@millrace/protocol'
import { type Clock, Shell } from '@millrace/runtime'
import { CoordinatorMachine } from '../group/coordinator-machine.ts'
import type { GroupLimits } from '../group/group-environment.ts'
import type {
  CommitRequest,
  FetchOffsetsResponse,
  GroupInput,
  JoinRequest,
  JoinResponse,
  SyncRequest,
  SyncResponse,
} from '../group/group-input.ts'
import type { GroupRecord } from '../group/group-records.ts'

export const scenarioLimits: GroupLimits = {
  initialRebalanceDelayMs: 3000,
  minSessionTimeoutMs: 6000,
  maxSessionTimeoutMs: 1_800_000,
  maxSize: 10,
  maxPendingMembers: 3,
  newMemberJoinTimeoutMs: 300_000,
  offsetMetadataMaxLength: 16,
  offsetsRetentionMs: 60_000,
  offsetsExpiryCheckIntervalMs: 10_000,
  maxBatchBytes: 4096,
}

/** For tests: a coordinator's machine on virtual time over a log that commits at once, and a trace of what leaves it. */
export class Scenario {
  readonly records: GroupRecord[] = []
  readonly machine: CoordinatorMachine
  readonly clock = new VirtualClock()
  readonly #shell: Shell<GroupInput, GroupRecord>
  readonly #trace: string[] = []
  #ids = 0

  constructor(limits: Partial<GroupLimits> = {}, replay: readonly GroupRecord[] = []) {
    this.machine = new CoordinatorMachine({
      limits: { ...scenarioLimits, ...limits },
      wallMs: () => 1_000_000 + this.clock.monotonic(),
      newId: () => String(++this.#ids),
      rebalanceBegun: () => {},
    })
    for (const record of replay) this.machine.apply(record)
    this.#shell = new Shell({
      machine: this.machine,
      log: {
        append: records => {
          this.records.push(...records)
          for (const record of records) this.#trace.push(`log ${describeRecord(record)}`)
          return this.records.length
        },
        whenCommitted: (_position, done) => done(),
      },
      clock: this.clock,
      failed: error => {
        throw error
      },
    })
    this.submit({ kind: 'loaded' })
  }

  submit(input: GroupInput): void {
    this.#shell.submit(input)
  }

  /** What happened since the last call, one line each. */
  trace(): string[] {
    return this.#trace.splice(0)
  }

  pass(ms: number): void {
    this.clock.pass(ms)
  }

  /** JoinGroup of a consumer; `as` names its answer in the trace. */
  join(as: string, request: Partial<JoinRequest> = {}): { response: JoinResponse | null } {
    const parked: { response: JoinResponse | null } = { response: null }
    this.submit({
      kind: 'join',
      request: {
        groupId: 'g',
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 60_000,
        memberId: '',
        groupInstanceId: null,
        protocolType: 'consumer',
        protocols: [{ name: 'range', metadata: subscription('t') }],
        caller: { clientId: as, clientHost: '/host' },
        requiresKnownMemberId: false,
        supportsSkippingAssignment: true,
        ...request,
      },
      answer: response => {
        parked.response = response
        this.#trace.push(`${as} join ${describeJoin(response)}`)
      },
    })
    return parked
  }

  sync(
    as: string,
    request: Partial<SyncRequest> & { memberId: string; generationId: number },
    assignments: Record<string, string> = {},
  ) {
    const parked: { response: SyncResponse | null } = { response: null }
    this.submit({
      kind: 'sync',
      request: {
        groupId: 'g',
        groupInstanceId: null,
        protocolType: 'consumer',
        protocolName: 'range',
        assignments: Object.entries(assignments).map(([memberId, text]) => ({ memberId, assignment: Buffer.from(text) })),
        ...request,
      },
      answer: response => {
        parked.response = response
        const text = Buffer.from(response.assignment).toString()
        this.#trace.push(`${as} sync ${response.errorCode === 0 ? `ok "${text}"` : nameOf(response.errorCode)}`)
      },
    })
    return parked
  }

  heartbeat(memberId: string, generationId: number, groupInstanceId: string | null = null): string {
    let result = 'parked'
    const request = { groupId: 'g', memberId, generationId, groupInstanceId }
    this.submit({ kind: 'heartbeat', request, answer: code => (result = nameOf(code)) })
    return result
  }

  leave(...members: { memberId?: string; groupInstanceId?: string }[]): string[] {
    let result: string[] = ['parked']
    const leaving = members.map(({ memberId = '', groupInstanceId = null }) => ({ memberId, groupInstanceId }))
    this.submit({
      kind: 'leave',
      request: { groupId: 'g', members: leaving },
      answer: response => (result = response.members.map(({ errorCode }) => nameOf(errorCode))),
    })
    return result
  }

  /** OffsetCommit of one topic's partitions: `{ 0: 42 }`. */
  commit(
    offsets: Record<number, number>,
    request: Partial<CommitRequest> & { topic?: string; metadata?: string } = {},
  ): string[] {
    const { topic = 't', metadata = null, ...rest } = request
    let result: string[] = ['parked']
    const partitions = Object.entries(offsets).map(([partition, offset]) => ({
      partitionIndex: Number(partition),
      committedOffset: offset,
      committedLeaderEpoch: 3,
      committedMetadata: metadata,
    }))
    this.submit({
      kind: 'commitOffsets',
      request: {
        groupId: 'g',
        generationId: -1,
        memberId: '',
        groupInstanceId: null,
        retentionTimeMs: -1,
        unknownGroupErrorCode: 22,
        topics: [{ name: topic, topicId: null, partitions }],
        ...rest,
      },
      answer: codes => (result = codes[0]!.map(nameOf)),
    })
    return result
  }

  fetchOffsets(
    topics: Record<string, number[]> | null,
    options: { groupId?: string; requireStable?: boolean } = {},
  ): FetchOffsetsResponse {
    const { groupId = 'g', requireStable = false } = options
    let result: FetchOffsetsResponse | undefined
    const wanted = topics && Object.entries(topics).map(([name, partitionIndexes]) => ({ name, partitionIndexes }))
    this.submit({
      kind: 'fetchOffsets',
      request: { groupId, topics: wanted, requireStable },
      answer: response => (result = response),
    })
    return result!
  }

  delete(groupId = 'g'): string {
    let result = 'parked'
    this.submit({ kind: 'delete', groupId, answer: code => (result = nameOf(code)) })
    return result
  }

  /** A stable group of the clients: member ids by client. */
  stable(...clients: string[]): Record<string, string> {
    const joins = clients.map(client => this.join(client))
    this.pass(6000)
    const ids = Object.fromEntries(clients.map((client, i) => [client, joins[i]!.response!.memberId]))
    const { generationId, leader } = joins[0]!.response!
    for (const client of [...clients].reverse()) {
      const assignments = ids[client] === leader ? Object.fromEntries(clients.map(each => [ids[each]!, `for ${each}`])) : {}
      this.sync(client, { memberId: ids[client]!, generationId }, assignments)
    }
    this.trace()
    return ids
  }
}

/** A consumer's subscription as clients write it, version 0. */
export function subscription(...topics: string[]): Uint8Array {
  const bytes = [0, 0, 0, 0, 0, topics.length]
  for (const topic of topics) bytes.push(0, topic.length, ...Buffer.from(topic))
  return Uint8Array.from([...bytes, 255, 255, 255, 255])
}

export function nameOf(errorCode: number): string {
  return errorFacts(errorCode).name
}

function describeJoin({ errorCode, memberId, generationId, leader, members, skipAssignment }: JoinResponse): string {
  if (errorCode !== 0) return `${nameOf(errorCode)} ${memberId}`.trimEnd()
  const told = members.length > 0 ? ` members=${members.map(member => member.memberId)}` : ''
  return `ok ${memberId} generation=${generationId} leader=${leader}${told}${skipAssignment ? ' skip' : ''}`
}

function describeRecord(record: GroupRecord): string {
  if (record.kind === 'offset')
    return `offset ${record.group} ${record.topic}-${record.partition} ${record.value?.offset ?? 'tombstone'}`
  if (record.kind !== 'group') return record.kind
  const { value } = record
  if (!value) return `group ${record.group} tombstone`
  return `group ${record.group} generation=${value.generation} leader=${value.leader} members=${value.members.map(({ memberId }) => memberId)}`
}

export class VirtualClock implements Clock {
  #nowMs = 0
  readonly #timers: { readonly atMs: number; readonly fire: () => void; cancelled: boolean }[] = []

  now(): number {
    return 1_000_000 + this.#nowMs
  }

  monotonic(): number {
    return this.#nowMs
  }

  timer(delayMs: number, fire: () => void) {
    const timer = { atMs: this.#nowMs + delayMs, fire, cancelled: false }
    this.#timers.push(timer)
    return {
      cancel: () => {
        timer.cancelled = true
      },
    }
  }

  defer(run: () => void): void {
    this.timer(0, run)
  }

  /** Armed timers. */
  get pending(): number {
    return this.#timers.filter(({ cancelled }) => !cancelled).length
  }

  pass(ms: number): void {
    const untilMs = this.#nowMs + ms
    for (;;) {
      this.#timers.sort((a, b) => a.atMs - b.atMs)
      const next = this.#timers[0]
      if (!next || next.atMs > untilMs) break
      this.#timers.shift()
      if (next.cancelled) continue
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.fire()
    }
    this.#nowMs = untilMs
  }
}
