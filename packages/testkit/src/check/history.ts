/**
 * What clients saw of a cluster: one event an operation's begin and end. Values are unique per key; a key is a topic's partition. The checker
 * (`history-checker.ts`) reads nothing else.
 */
export interface SendOperation {
  readonly kind: 'send'
  readonly process: string
  readonly key: string
  readonly value: number
  /** Order of the call among all calls. */
  readonly calledAt: number
  /** `ok`: acknowledged. `fail`: certainly not written. `info`: unknown. */
  outcome: 'ok' | 'fail' | 'info'
  /** Offset of an acknowledged value. */
  offset?: number
}

export interface PollOperation {
  readonly kind: 'poll'
  readonly process: string
  /** The consumer group for which the process read; absent for a reader of its own. */
  readonly group?: string
  readonly records: readonly PolledRecord[]
}

export interface PolledRecord {
  readonly key: string
  readonly offset: number
  readonly value: number
}

/** The process starts anew at these keys: an assignment, a seek, a restart. */
export interface AssignOperation {
  readonly kind: 'assign'
  readonly process: string
  readonly keys: readonly string[]
  /** The group that assigned them; absent for a reader of its own. */
  readonly membership?: GroupMembership
}

/** A member in one generation of its group. */
export interface GroupMembership {
  readonly group: string
  readonly generation: number
  readonly memberId: string
}

/** An offset that a member asked the group to keep. */
export interface CommitOperation {
  readonly kind: 'commit'
  readonly group: string
  readonly key: string
  readonly offset: number
  /** Place of the call and of the answer among all calls and answers; `endedAt` is Infinity as long as nobody knows whether it was kept. */
  readonly calledAt: number
  endedAt: number
}

/** A committed offset that was read back; null: the group had none. */
export interface CommittedOperation {
  readonly kind: 'committed'
  readonly group: string
  readonly key: string
  readonly offset: number | null
  readonly calledAt: number
  readonly endedAt: number
}

export type Operation = SendOperation | PollOperation | AssignOperation | CommitOperation | CommittedOperation

/** Records operations in the order in which they end, sends in the order of their calls. */
export class History {
  readonly operations: Operation[] = []
  #calls = 0

  /** Begins a send; set its outcome when it is known: until then it is `info`. */
  send(process: string, key: string, value: number): SendOperation {
    const operation: SendOperation = { kind: 'send', process, key, value, calledAt: this.#calls++, outcome: 'info' }
    this.operations.push(operation)
    return operation
  }

  poll(process: string, records: readonly PolledRecord[], group?: string): void {
    if (records.length > 0) this.operations.push({ kind: 'poll', process, records, ...(group === undefined ? {} : { group }) })
  }

  assign(process: string, keys: readonly string[], membership?: GroupMembership): void {
    this.operations.push({ kind: 'assign', process, keys, ...(membership === undefined ? {} : { membership }) })
  }

  /** A place in the order of calls and answers: take one before a call whose answer is recorded by `committed`. */
  mark(): number {
    return this.#calls++
  }

  /** Begins a commit; call `settle` when it is acknowledged. */
  commit(group: string, key: string, offset: number): CommitOperation {
    const operation: CommitOperation = { kind: 'commit', group, key, offset, calledAt: this.#calls++, endedAt: Infinity }
    this.operations.push(operation)
    return operation
  }

  /** The commit was acknowledged. */
  settle(operation: CommitOperation): void {
    operation.endedAt = this.#calls++
  }

  /** A committed offset was read back by a call that began at `calledAt`. */
  committed(group: string, key: string, offset: number | null, calledAt: number): void {
    this.operations.push({ kind: 'committed', group, key, offset, calledAt, endedAt: this.#calls++ })
  }
}
