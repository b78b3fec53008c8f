import type { Operation, SendOperation } from './history.ts'

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
  | 'commit-lost'

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
}

/**
 * Judges a history, after the definitions of Jepsen's Kafka workload (linear in the history's length). What is not an anomaly here: values of unknown
 * outcome that appear or do not, gaps between offsets, reading again after an assignment.
 */
export function checkHistory(operations: readonly Operation[], options: CheckOptions = {}): Anomaly[] {
  const { idempotent = true, readToTheEnd = true } = options
  const anomalies: Anomaly[] = []
  const logs = buildLogs(operations, anomalies, idempotent)
  for (const [key, log] of logs) {
    checkSends(key, log, anomalies, readToTheEnd)
    checkOrder(key, log, anomalies)
  }
  checkPolls(operations, logs, anomalies)
  checkCommits(operations, anomalies)
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

function buildLogs(operations: readonly Operation[], anomalies: Anomaly[], idempotent: boolean): Map<string, KeyLog> {
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
    if (elsewhere !== undefined && elsewhere !== offset && idempotent) {
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

function checkSends(key: string, log: KeyLog, anomalies: Anomaly[], readToTheEnd: boolean): void {
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
    if (outcome !== 'ok' || offset === undefined) continue
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
function checkPolls(operations: readonly Operation[], logs: ReadonlyMap<string, KeyLog>, anomalies: Anomaly[]): void {
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
      else if (index.get(offset)! > index.get(before)! + 1) {
        anomalies.push({
          kind: 'poll-skip',
          key,
          message: `${operation.process} read offset ${offset} after ${before}, but not what is between`,
        })
      }
    }
  }
}

/** A committed offset that is read back is the last acknowledged one, or one whose commit was under way since. */
function checkCommits(operations: readonly Operation[], anomalies: Anomaly[]): void {
  const possible = new Map<string, Set<number>>()
  for (const operation of operations) {
    if (operation.kind !== 'commit') continue
    const { group, key, offset, outcome } = operation
    const id = `${group} ${key}`
    const offsets = possible.get(id) ?? new Set()
    if (outcome === 'ok') possible.set(id, new Set([offset]))
    else if (outcome === 'info') possible.set(id, offsets.add(offset))
    else if (offsets.size > 0 && !offsets.has(offset)) {
      anomalies.push({
        kind: 'commit-lost',
        key,
        message: `group ${group} committed ${[...offsets].join(' or ')}, but ${offset} was read back`,
      })
    }
  }
}
