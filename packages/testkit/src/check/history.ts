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
}

export interface CommitOperation {
  readonly kind: 'commit'
  readonly group: string
  readonly key: string
  readonly offset: number
  /** `seen`: a committed offset that was read back. */
  readonly outcome: 'ok' | 'info' | 'seen'
}

export type Operation = SendOperation | PollOperation | AssignOperation | CommitOperation

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

  poll(process: string, records: readonly PolledRecord[]): void {
    if (records.length > 0) this.operations.push({ kind: 'poll', process, records })
  }

  assign(process: string, keys: readonly string[]): void {
    this.operations.push({ kind: 'assign', process, keys })
  }

  commit(group: string, key: string, offset: number, outcome: CommitOperation['outcome']): void {
    this.operations.push({ kind: 'commit', group, key, offset, outcome })
  }
}
