import { Observable, type Subscriber } from 'rxjs'
import type { StreamRecord } from '../record.ts'
import type { StoreSpec } from '../topology/store-spec.ts'
import { type Operator, type Piped, piped, plan, type StreamPlan } from './piping.ts'

/**
 * What streams and tables have in common: an Observable of records that is hot. It runs because the application runs; to subscribe is to look
 * on: the observer gets the records of this instance's tasks from then on, completes when the application closes and errors when it fails.
 */
abstract class Flow<T, P extends StreamPlan<any, any>> extends Observable<T> {
  readonly #planned: () => P

  constructor(planned: () => P) {
    super((subscriber: Subscriber<T>) => {
      const { graph, node } = planned()
      return graph.observe(node, subscriber as Subscriber<unknown>)
    })
    this.#planned = planned
  }

  /** For operators. */
  get [plan](): P {
    return this.#planned()
  }

  /** Extends the topology by plain rxjs operators and ours in any order. Types flow from one to the next. */
  override pipe(): this
  override pipe<A>(a: Operator<this, A>): Piped<A>
  override pipe<A, B>(a: Operator<this, A>, b: Operator<Piped<A>, B>): Piped<B>
  override pipe<A, B, C>(a: Operator<this, A>, b: Operator<Piped<A>, B>, c: Operator<Piped<B>, C>): Piped<C>
  override pipe<A, B, C, D>(
    a: Operator<this, A>,
    b: Operator<Piped<A>, B>,
    c: Operator<Piped<B>, C>,
    d: Operator<Piped<C>, D>,
  ): Piped<D>
  override pipe<A, B, C, D, E>(
    a: Operator<this, A>,
    b: Operator<Piped<A>, B>,
    c: Operator<Piped<B>, C>,
    d: Operator<Piped<C>, D>,
    e: Operator<Piped<D>, E>,
  ): Piped<E>
  override pipe<A, B, C, D, E, F>(
    a: Operator<this, A>,
    b: Operator<Piped<A>, B>,
    c: Operator<Piped<B>, C>,
    d: Operator<Piped<C>, D>,
    e: Operator<Piped<D>, E>,
    f: Operator<Piped<E>, F>,
  ): Piped<F>
  override pipe<A, B, C, D, E, F, G>(
    a: Operator<this, A>,
    b: Operator<Piped<A>, B>,
    c: Operator<Piped<B>, C>,
    d: Operator<Piped<C>, D>,
    e: Operator<Piped<D>, E>,
    f: Operator<Piped<E>, F>,
    g: Operator<Piped<F>, G>,
  ): Piped<G>
  override pipe<A, B, C, D, E, F, G, H>(
    a: Operator<this, A>,
    b: Operator<Piped<A>, B>,
    c: Operator<Piped<B>, C>,
    d: Operator<Piped<C>, D>,
    e: Operator<Piped<D>, E>,
    f: Operator<Piped<E>, F>,
    g: Operator<Piped<F>, G>,
    h: Operator<Piped<G>, H>,
  ): Piped<H>
  override pipe<A, B, C, D, E, F, G, H, I>(
    a: Operator<this, A>,
    b: Operator<Piped<A>, B>,
    c: Operator<Piped<B>, C>,
    d: Operator<Piped<C>, D>,
    e: Operator<Piped<D>, E>,
    f: Operator<Piped<E>, F>,
    g: Operator<Piped<F>, G>,
    h: Operator<Piped<G>, H>,
    i: Operator<Piped<H>, I>,
  ): Piped<I>
  override pipe(...operators: ((source: any) => any)[]): any {
    if (operators.length === 0) return this
    return piped(this, operators, planned => new Stream(planned))
  }
}

/** Facts: an unbounded sequence of records, each one for itself. */
export class Stream<K, V> extends Flow<StreamRecord<K, V>, StreamPlan<K, V>> {
  declare protected readonly kind: 'stream'

  /** Made by `app.stream` and operators. */
  constructor(planned: () => StreamPlan<K, V>) {
    super(planned)
  }
}

export interface TablePlan<K, V> extends StreamPlan<K, V> {
  readonly store: StoreSpec
}

/**
 * State: the latest value of each key, kept in a store. As an Observable it gives its updates, of which `U` is the value's type: with null, a
 * deletion, where one may be seen. Plain rxjs operators see these updates, and what they give is a stream.
 */
export class Table<K, V, U = V> extends Flow<StreamRecord<K, U>, TablePlan<K, U>> {
  declare protected readonly kind: 'table'
  declare protected readonly row: V

  /** Made by `app.table` and operators. */
  constructor(planned: () => TablePlan<K, U>) {
    super(planned)
  }

  /** The name of its store: what `app.store(name)` finds. */
  get storeName(): string {
    return this[plan].store.name
  }
}
