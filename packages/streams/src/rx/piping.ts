import { Observable } from 'rxjs'
import type { Serde } from '../serde/serde.ts'
import type { Graph } from '../topology/graph.ts'
import type { GraphNode } from '../topology/node.ts'
import { RxSection } from './section.ts'
import type { Stream } from './stream.ts'

/** How an operator finds its place in the topology: the key of what only operators need of a stream, table or group. */
export const plan: unique symbol = Symbol('plan')

/** Where a stream stands. */
export interface StreamPlan<K, V> {
  readonly graph: Graph
  readonly node: GraphNode
  /** null: not known, as a user's function made the keys (values). */
  readonly key: Serde<K> | null
  readonly value: Serde<V> | null
  /** The key has changed since the records were partitioned: the next operator that needs the key writes them to a repartition topic. */
  readonly rekeyed: boolean
  /** What derived names begin with. */
  readonly base: string
}

/** What `pipe` may hand from one operator to the next. */
export interface Pipeable {
  readonly [plan]: object
}

/** An operator is a function of what it follows. */
export type Operator<A, B> = (source: A) => B

/** What a step of `pipe` comes to: a plain rxjs operator that gives records gives a Stream, anything else it gives an Observable; our own give what they give. */
export type Piped<R> = R extends Pipeable
  ? R
  : R extends Observable<infer X>
    ? X extends { readonly key: infer K; readonly value: infer V }
      ? Stream<K, V>
      : Observable<X>
    : R

export function isPipeable(value: unknown): value is Pipeable {
  return typeof value === 'object' && value !== null && plan in value
}

type AnyOperator = (source: any) => unknown
type PlainOperator = (source: Observable<any>) => Observable<any>

/**
 * Applies operators in turn. An operator that gives back one of ours has extended the topology; one that gives a plain Observable is a plain
 * rxjs operator: neighbours become one node, which every task subscribes to for itself. `streamOf` makes a Stream whose plan is asked for when needed.
 */
export function piped(
  source: Pipeable & Observable<any>,
  operators: readonly AnyOperator[],
  streamOf: (planned: () => StreamPlan<any, any>) => Pipeable & Observable<any>,
): unknown {
  let current: unknown = source
  let sectionStart = source
  let section: PlainOperator[] = []
  operators.forEach((operator, index) => {
    if (typeof operator !== 'function') throw new TypeError(`pipe() takes operators: argument ${index + 1} is ${typeof operator}`)
    if (index > 0 && !isPipeable(current))
      throw new TypeError(`pipe() ends before argument ${index + 1}, as operator ${index} gives no stream`)
    const result = operator(current)
    if (isPipeable(result) || !(result instanceof Observable)) {
      current = result
      section = []
      if (isPipeable(result) && result instanceof Observable) sectionStart = result
      return
    }
    if (section.length === 0) sectionStart = current as typeof sectionStart
    section = [...section, operator as PlainOperator]
    current = streamOf(plannedSection(sectionStart, section))
  })
  // The last section must be part of the topology whether or not somebody goes on from it.
  if (section.length > 0) void (current as Pipeable)[plan]
  return current
}

function plannedSection(from: Pipeable, operators: readonly PlainOperator[]): () => StreamPlan<any, any> {
  let planned: StreamPlan<any, any> | undefined
  return () => {
    if (planned) return planned
    const before = from[plan] as StreamPlan<any, any>
    const node = before.graph.processor('KSTREAM-RXJS', [before.node], (context, self) => new RxSection(context, self, operators))
    planned = { ...before, node, value: null }
    return planned
  }
}
