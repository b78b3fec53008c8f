import { plan, type StreamPlan } from '../rx/piping.ts'
import type { Serde } from '../serde/serde.ts'
import type { GraphNode } from '../topology/node.ts'
import type { TumblingWindows } from '../window/window.ts'
import { partitionedByKey } from './repartition.ts'

/** Records by key, to be aggregated. All aggregates of one group share its repartition topic, if it needs one. */
export class Grouped<K, V> {
  declare protected readonly types: [K, V]
  readonly #from: GroupPlan
  #node: { node: GraphNode; key: Serde<any>; value: Serde<any> } | null = null

  constructor(from: GroupPlan) {
    this.#from = from
  }

  /** For operators. */
  get [plan](): GroupPlan {
    return this.#from
  }

  /** Where the group's records come from. */
  partitioned(): { node: GraphNode; key: Serde<any>; value: Serde<any> } {
    const { stream, name, key, value } = this.#from
    return (this.#node ??= partitionedByKey(stream, name, { key, value }))
  }
}

export interface GroupPlan {
  readonly stream: StreamPlan<any, any>
  /** The user's label or a derived one; names what is made of the group. */
  readonly name: string
  readonly key: Serde<any> | undefined
  readonly value: Serde<any> | undefined
}

/** Records by key and window. */
export class WindowedGroup<K, V> {
  declare protected readonly types: [K, V]
  declare protected readonly kind: 'windowed'
  readonly group: Grouped<K, V>
  readonly windows: TumblingWindows

  constructor(group: Grouped<K, V>, windows: TumblingWindows) {
    this.group = group
    this.windows = windows
  }

  get [plan](): GroupPlan {
    return this.group[plan]
  }
}
