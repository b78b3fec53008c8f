import { MillraceError } from '@millrace/runtime'
import { Observable, type Subscriber, type Subscription } from 'rxjs'
import { noHeaders, type StreamRecord } from '../record.ts'
import { Processor } from '../task/processor.ts'
import type { TaskContext } from '../task/task-context.ts'
import type { ProcessorNode } from '../topology/node.ts'

type PlainOperator = (source: Observable<any>) => Observable<any>

/**
 * Plain rxjs operators at work in one task. The records between two commits are one finite Observable: the commit completes it and waits until
 * all that it holds (a buffer, a promise) has come out, so an offset is committed only when everything that came from its record has been
 * handed on. What such operators remember therefore lasts from one commit to the next.
 */
export class RxSection extends Processor {
  readonly #context: TaskContext
  readonly #node: ProcessorNode
  readonly #operators: readonly PlainOperator[]
  #input: Subscriber<StreamRecord<any, any>> | null = null
  #subscription: Subscription | null = null
  #isPushing = false
  #isComplete = false
  #failure: { readonly error: unknown; readonly fromUser: boolean } | null = null
  #drained: (() => void) | null = null
  #draining: Promise<void> | null = null
  /** It has once needed more than the time of a push: a bounded number of records is let in at a time. */
  isAsynchronous = false
  /** Records pushed since it was last empty. */
  pushed = 0

  constructor(context: TaskContext, node: ProcessorNode, operators: readonly PlainOperator[]) {
    super()
    this.#context = context
    this.#node = node
    this.#operators = operators
    context.addSection(this)
  }

  process(record: StreamRecord<any, any>): void {
    if (this.#input === null) this.#open()
    this.pushed++
    this.#isPushing = true
    try {
      this.#input!.next(record)
    } finally {
      this.#isPushing = false
    }
    if (this.#failure !== null) this.#failed(record)
  }

  /** Completes what was pushed; returns a promise when something is still under way, which rejects when that fails. */
  drain(): Promise<void> | null {
    const input = this.#input
    if (input === null) return null
    if (this.#draining !== null) return this.#draining
    this.#isPushing = true
    try {
      input.complete()
    } finally {
      this.#isPushing = false
    }
    if (this.#isComplete) {
      this.#close()
      this.#throwFailure()
      return null
    }
    this.isAsynchronous = true
    this.#draining = new Promise<void>(resolve => (this.#drained = resolve)).then(() => {
      this.#draining = null
      this.#close()
      this.#throwFailure()
    })
    return this.#draining
  }

  /** Throws when a record that was under way has failed since it was last asked. */
  check(): void {
    if (this.#failure !== null) this.#throwFailure()
  }

  override close(): void {
    this.#close()
    this.#drained?.()
  }

  #open(): void {
    this.#isComplete = false
    const source = new Observable<StreamRecord<any, any>>(subscriber => void (this.#input = subscriber))
    const output = this.#operators.reduce<Observable<any>>((before, operator) => operator(before), source)
    this.#subscription = output.subscribe({
      next: record => this.#emit(record),
      error: error => {
        this.#failure ??= { error, fromUser: true }
        this.#complete()
      },
      complete: () => this.#complete(),
    })
  }

  #complete(): void {
    this.#isComplete = true
    this.#drained?.()
    this.#drained = null
  }

  #close(): void {
    this.#subscription?.unsubscribe()
    this.#subscription = null
    this.#input = null
    this.pushed = 0
  }

  /** Rx would throw what goes wrong behind us at the top of the event loop: it is kept for the task. */
  #emit(record: any): void {
    if (this.#failure !== null) return
    if (!this.#isPushing) this.isAsynchronous = true
    if (this.children.length === 0) return
    try {
      this.forward(this.#whole(record))
    } catch (error) {
      this.#failure = { error, fromUser: false }
    }
  }

  #whole(record: any): any {
    const { current } = this.#context
    if (this.#node.keyMustHold && current !== null && record?.key !== current.key && typeof current.key !== 'object')
      throw new MillraceError('KEY_CHANGED', `A plain operator in ${this.#node.name} changed a record's key`, {
        hint: 'a later operator finds records by their key: use selectKey() or groupBy(), which repartition',
      })
    if (record?.topic !== undefined || typeof record !== 'object' || record === null || !('key' in record && 'value' in record))
      return record
    const timestamp = record.timestamp ?? current?.timestamp
    if (timestamp === undefined)
      throw new MillraceError('NO_TIMESTAMP', `A plain operator in ${this.#node.name} gave a record without a timestamp`, {
        hint: 'give the input record on with its changes: { ...record, value }',
      })
    return {
      key: record.key,
      value: record.value,
      timestamp,
      headers: record.headers ?? current?.headers ?? noHeaders,
      topic: current?.topic ?? '',
      partition: current?.partition ?? this.#context.partition,
      offset: current?.offset ?? -1,
    }
  }

  /** While nothing else can be under way, the record that failed can be told and skipped. */
  #failed(record: StreamRecord<any, any>): void {
    const { error, fromUser } = this.#failure!
    if (!fromUser || this.isAsynchronous) this.#throwFailure()
    this.#failure = null
    this.#close()
    this.#context.processingFailed(error, this.#node, record)
  }

  #throwFailure(): void {
    if (this.#failure === null) return
    const { error, fromUser } = this.#failure
    this.#failure = null
    if (!fromUser) throw error
    throw new MillraceError(
      'PROCESSING',
      `A plain operator in ${this.#node.name} failed: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
        hint: 'catch errors inside the asynchronous part, with catchError for instance',
      },
    )
  }
}
