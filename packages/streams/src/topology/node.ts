import type { Serde } from '../serde/serde.ts'
import type { Processor } from '../task/processor.ts'
import type { TaskContext } from '../task/task-context.ts'
import type { StoreSpec } from './store-spec.ts'

/** The parts of a topology: described once when the pipeline is written, made anew for each task. */
export type GraphNode = SourceNode | ProcessorNode | SinkNode

interface NodeBase {
  /** Kafka Streams' style: `KSTREAM-SOURCE-0000000000`. For people; nothing durable hangs on it. */
  readonly name: string
  readonly parents: readonly GraphNode[]
  readonly stores: readonly StoreSpec[]
  create(context: TaskContext): Processor
}

export interface SourceNode extends NodeBase {
  readonly kind: 'source'
  readonly topic: string
  /** Made and owned by the application: records come from its own sink. */
  readonly repartition: boolean
  readonly key: Serde<any>
  readonly value: Serde<any>
  readonly timestamp: TimestampExtractor<any, any> | null
}

export interface ProcessorNode extends NodeBase {
  readonly kind: 'processor'
  /** Nodes whose source topics must have equally many partitions. */
  readonly coPartitioned: readonly GraphNode[]
  /** Set when a later operator relies on the key: a plain rxjs operator must not have changed it. */
  keyMustHold: boolean
}

export interface SinkNode extends NodeBase {
  readonly kind: 'sink'
  readonly topic: string
  readonly repartition: boolean
  readonly key: Serde<any>
  readonly value: Serde<any>
}

/**
 * Takes the event time out of a record. `partitionTime` is the greatest time seen in its partition so far, -1 at first.
 * A negative result drops the record and counts it.
 */
export type TimestampExtractor<K, V> = (
  record: {
    readonly key: K
    readonly value: V
    readonly timestamp: number
    readonly topic: string
    readonly partition: number
    readonly offset: number
  },
  partitionTime: number,
) => number
