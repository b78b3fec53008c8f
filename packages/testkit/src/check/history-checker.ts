import type { CommitOperation, Operation, SendOperation } from './history.ts'

export type AnomalyKind =
  | 'inconsistent-offset'
  | 'duplicate'
  | 'lost-write'
  | 'unseen'
  | 'failed-write-read'
  | 'phantom'
  | 'reordered'
  | 'wrong-offset'
  | 'nonmonotonic-poll'
  | 'poll-skip'
  | 'nonmonotonic-send'
  | 'commit-lost'
  | 'group-skip'
  | 'two-owners'
  | 'generation-back'

export interface Anomaly {
  readonly kind: AnomalyKind
  readonly key: string
  readonly message: string
}

export interface CheckOptions {
  /** Producers were idempotent: a value at two offsets is an error. Default true. */
  readonly idempotent?: boolean
  /** At the end everything was read by fresh consumers: an acknowledged value that nobody read is an error. Default true. */
  readonly readToTheEnd?: boolean
  /** Retention may delete records of these keys: what is not there any more is no error, nor what was written again after that. Default: none. */
  readonly expiring?: ReadonlySet<string>
}

/**
 * Judges a history, after the definitions of Jepsen's Kafka workload (linear in the history's length). What is not an anomaly here: values of unknown
 * outcome that appear or do not, gaps between offsets, reading again after an assignment.
 */
export function checkHistory(operations: readonly Operation[], options: CheckOptions = {}): Anomaly[] {
  const { idempotent = true, readToTheEnd = true, expiring = new Set() } = options
  const anomalies: Anomaly[] = []
  const logs = buildLogs(operations, anomalies, key => idempotent && !expiring.has(key))
  for (const [key, log] of logs) {
    checkSends(key, log, anomalies, { readToTheEnd, mayExpire: expiring.has(key) })
    // What has expired may be written again, behind what came after it.
    if (expiring.has(key)) continue
    checkAcknowledged(key, log, anomalies)
    checkOrder(key, log, anomalies)
  }
  checkPolls(operations, logs, anomalies, expiring)
  checkCommits(operations, anomalies)
  checkGroups(operations, logs, anomalies, expiring)
  checkOwners(operations, anomalies)
  return anomalies
}

/** What is known of one partition. */
interface KeyLog {
  readonly sends: SendOperation[]
  /** Offset → value, from polls of any kind. */
  readonly valueAt: Map<number, number>
  /** Value → the lowest offset at which it was read. */
  readonly offsetOf: Map<number, number>
  /** Offsets that are known to exist, in order. */
  offsets: number[]
}

function buildLogs(
  operations: readonly Operation[],
  anomalies: Anomaly[],
  mayNotRepeat: (key: string) => boolean,
): Map<string, KeyLog> {
  const logs = new Map<string, KeyLog>()
  const logOf = (key: string): KeyLog => {
    let log = logs.get(key)
    if (!log) logs.set(key, (log = { sends: [], valueAt: new Map(), offsetOf: new Map(), offsets: [] }))
    return log
  }
  const see = (key: string, offset: number, value: number) => {
    const log = logOf(key)
    const known = log.valueAt.get(offset)
    if (known === undefined) log.valueAt.set(offset, value)
    else if (known !== value)
      anomalies.push({ kind: 'inconsistent-offset', key, message: `offset ${offset} held ${known} and ${value}` })
    const elsewhere = log.offsetOf.get(value)
    if (elsewhere === undefined || offset < elsewhere) log.offsetOf.set(value, offset)
    if (elsewhere !== undefined && elsewhere !== offset && mayNotRepeat(key)) {
      anomalies.push({ kind: 'duplicate', key, message: `value ${value} is at offsets ${elsewhere} and ${offset}` })
    }
  }
  for (const operation of operations) {
    if (operation.kind === 'send') logOf(operation.key).sends.push(operation)
    else if (operation.kind === 'poll') for (const { key, offset, value } of operation.records) see(key, offset, value)
  }
  for (const log of logs.values()) log.offsets = [...log.valueAt.keys()].sort((a, b) => a - b)
  return logs
}

function checkSends(
  key: string,
  log: KeyLog,
  anomalies: Anomaly[],
  { readToTheEnd, mayExpire }: { readonly readToTheEnd: boolean; readonly mayExpire: boolean },
): void {
  const sent = new Set(log.sends.map(send => send.value))
  for (const [value, offset] of log.offsetOf) {
    if (!sent.has(value)) anomalies.push({ kind: 'phantom', key, message: `value ${value} at offset ${offset} was never sent` })
  }
  const end = log.offsets.at(-1) ?? -1
  for (const { value, outcome, offset } of log.sends) {
    const readAt = log.offsetOf.get(value)
    if (outcome === 'fail' && readAt !== undefined) {
      anomalies.push({ kind: 'failed-write-read', key, message: `value ${value} failed and was read at offset ${readAt}` })
    }
    if (outcome !== 'ok' || offset === undefined || (mayExpire && readAt === undefined)) continue
    if (readAt === undefined && offset <= end)
      anomalies.push({
        kind: 'lost-write',
        key,
        message: `value ${value}, acknowledged at offset ${offset}, is gone: ${end} was read`,
      })
    else if (readAt === undefined && readToTheEnd)
      anomalies.push({ kind: 'unseen', key, message: `value ${value}, acknowledged at offset ${offset}, was never read` })
    else if (readAt !== undefined && log.valueAt.get(offset) !== undefined && log.valueAt.get(offset) !== value) {
      anomalies.push({
        kind: 'wrong-offset',
        key,
        message: `value ${value} was acknowledged at offset ${offset}, where ${log.valueAt.get(offset)} is`,
      })
    }
  }
}

/** An offset is given to one value, and to one producer's values in the order of its calls; nobody need have read them. */
function checkAcknowledged(key: string, log: KeyLog, anomalies: Anomaly[]): void {
  const valueAt = new Map<number, number>()
  const last = new Map<string, { readonly offset: number; readonly value: number }>()
  for (const { process, value, outcome, offset } of log.sends) {
    if (outcome !== 'ok' || offset === undefined) continue
    const other = valueAt.get(offset)
    // Where it was read, it is known already whose it is.
    if (other !== undefined && !log.valueAt.has(offset))
      anomalies.push({ kind: 'inconsistent-offset', key, message: `offset ${offset} was given to ${other} and to ${value}` })
    valueAt.set(offset, value)
    const before = last.get(process)
    if (before !== undefined && offset < before.offset && !(log.offsetOf.has(value) && log.offsetOf.has(before.value)))
      anomalies.push({
        kind: 'nonmonotonic-send',
        key,
        message: `${process} sent ${before.value} before ${value}, and was given the offsets ${before.offset} and ${offset}`,
      })
    last.set(process, { offset, value })
  }
}

/** Values that one producer's calls put into one partition stand in the order of the calls. */
function checkOrder(key: string, log: KeyLog, anomalies: Anomaly[]): void {
  const last = new Map<string, { offset: number; value: number }>()
  for (const { process, value } of [...log.sends].sort((a, b) => a.calledAt - b.calledAt)) {
    const offset = log.offsetOf.get(value)
    if (offset === undefined) continue
    const before = last.get(process)
    if (before && offset < before.offset) {
      anomalies.push({
        kind: 'reordered',
        key,
        message: `${process} sent ${before.value} before ${value}, but they are at ${before.offset} and ${offset}`,
      })
    }
    last.set(process, { offset, value })
  }
}

/** Within an assignment a process reads each known offset, once, in order. */
function checkPolls(
  operations: readonly Operation[],
  logs: ReadonlyMap<string, KeyLog>,
  anomalies: Anomaly[],
  expiring: ReadonlySet<string>,
): void {
  const positions = new Map<string, number>()
  const indexes = new Map([...logs].map(([key, log]) => [key, new Map(log.offsets.map((offset, i) => [offset, i]))]))
  for (const operation of operations) {
    if (operation.kind === 'assign') for (const key of operation.keys) positions.delete(`${operation.process} ${key}`)
    if (operation.kind !== 'poll') continue
    for (const { key, offset } of operation.records) {
      const id = `${operation.process} ${key}`
      const before = positions.get(id)
      positions.set(id, offset)
      if (before === undefined) continue
      const index = indexes.get(key)!
      if (offset <= before)
        anomalies.push({ kind: 'nonmonotonic-poll', key, message: `${operation.process} read offset ${offset} after ${before}` })
      else if (index.get(offset)! > index.get(before)! + 1 && !expiring.has(key)) {
        anomalies.push({
          kind: 'poll-skip',
          key,
          message: `${operation.process} read offset ${offset} after ${before}, but not what is between`,
        })
      }
    }
  }
}

/**
 * A committed offset that is read back belongs to a commit that nothing acknowledged has replaced: one whose call began after its answer and
 * that was itself answered before the reading began. Commits without an answer may take effect at any time.
 */
function checkCommits(operations: readonly Operation[], anomalies: Anomaly[]): void {
  const commits = new Map<string, CommitOperation[]>()
  for (const operation of operations) {
    if (operation.kind !== 'commit') continue
    const id = `${operation.group} ${operation.key}`
    const known = commits.get(id)
    if (known) known.push(operation)
    else commits.set(id, [operation])
  }
  const reading = new Map<string, CommitReading>()
  for (const operation of operations) {
    if (operation.kind !== 'committed') continue
    const { group, key, offset, calledAt, endedAt } = operation
    const id = `${group} ${key}`
    let state = reading.get(id)
    if (!state) reading.set(id, (state = new CommitReading(commits.get(id) ?? [])))
    if (!state.mayRead(offset, calledAt, endedAt))
      anomalies.push({
        kind: 'commit-lost',
        key,
        message: `group ${group} committed ${state.lastOffset}, but ${offset ?? 'nothing'} was read back`,
      })
  }
}

/** Commits of one group and partition, as readings in the order of their answers see them. */
class CommitReading {
  readonly #byCall: readonly CommitOperation[]
  readonly #byAnswer: readonly CommitOperation[]
  #called = 0
  #answered = 0
  /** Offset → the latest answer to a commit of it. */
  readonly #endOf = new Map<number, number>()
  /** Call of the last of the commits that were certainly in force. */
  #lastCall = -1
  lastOffset = -1

  constructor(commits: readonly CommitOperation[]) {
    this.#byCall = [...commits].sort((a, b) => a.calledAt - b.calledAt)
    this.#byAnswer = commits.filter(({ endedAt }) => endedAt < Infinity).sort((a, b) => a.endedAt - b.endedAt)
  }

  mayRead(offset: number | null, calledAt: number, endedAt: number): boolean {
    for (; this.#called < this.#byCall.length && this.#byCall[this.#called]!.calledAt < endedAt; this.#called++) {
      const commit = this.#byCall[this.#called]!
      this.#endOf.set(commit.offset, Math.max(commit.endedAt, this.#endOf.get(commit.offset) ?? -1))
    }
    for (; this.#answered < this.#byAnswer.length && this.#byAnswer[this.#answered]!.endedAt < calledAt; this.#answered++) {
      const commit = this.#byAnswer[this.#answered]!
      if (commit.calledAt <= this.#lastCall) continue
      this.#lastCall = commit.calledAt
      this.lastOffset = commit.offset
    }
    if (offset === null) return this.#lastCall < 0
    return (this.#endOf.get(offset) ?? -1) >= this.#lastCall
  }
}

/** At least once: what lies before the offset that a group is known to have committed, one of its members has read. */
function checkGroups(
  operations: readonly Operation[],
  logs: ReadonlyMap<string, KeyLog>,
  anomalies: Anomaly[],
  expiring: ReadonlySet<string>,
): void {
  const read = new Map<string, Set<number>>()
  const ends = new Map<string, { group: string; key: string; offset: number }>()
  for (const operation of operations) {
    if (operation.kind === 'poll' && operation.group !== undefined) {
      for (const { key, offset } of operation.records) {
        const id = `${operation.group} ${key}`
        const offsets = read.get(id)
        if (offsets) offsets.add(offset)
        else read.set(id, new Set([offset]))
      }
    } else if (operation.kind === 'committed' || (operation.kind === 'commit' && operation.endedAt < Infinity)) {
      const { group, key, offset } = operation
      const id = `${group} ${key}`
      if (offset !== null && offset > (ends.get(id)?.offset ?? 0)) ends.set(id, { group, key, offset })
    }
  }
  for (const [id, { group, key, offset: end }] of ends) {
    if (expiring.has(key)) continue
    const missed = logs.get(key)?.offsets.find(offset => offset < end && !read.get(id)?.has(offset))
    if (missed !== undefined)
      anomalies.push({
        kind: 'group-skip',
        key,
        message: `group ${group} committed ${end}, but none of its members has read offset ${missed}`,
      })
  }
}

/** In one generation of a group a partition has one owner, and a member's generations grow. */
function checkOwners(operations: readonly Operation[], anomalies: Anomaly[]): void {
  const owners = new Map<string, string>()
  const generations = new Map<string, number>()
  for (const operation of operations) {
    if (operation.kind !== 'assign' || operation.membership === undefined) continue
    const { group, generation, memberId } = operation.membership
    const before = generations.get(`${group} ${memberId}`) ?? -1
    generations.set(`${group} ${memberId}`, generation)
    if (generation < before)
      anomalies.push({
        kind: 'generation-back',
        key: group,
        message: `${memberId} was in generation ${before}, then in ${generation}`,
      })
    for (const key of operation.keys) {
      const id = `${group} ${generation} ${key}`
      const owner = owners.get(id)
      if (owner !== undefined && owner !== memberId)
        anomalies.push({
          kind: 'two-owners',
          key,
          message: `${owner} and ${memberId} own it in generation ${generation} of ${group}`,
        })
      owners.set(id, memberId)
    }
  }
}
