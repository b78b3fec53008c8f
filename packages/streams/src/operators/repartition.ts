import type { StreamPlan } from '../rx/piping.ts'
import type { Serde } from '../serde/serde.ts'
import { SourceProcessor } from '../task/source-processor.ts'
import { relyOnKey } from '../topology/graph.ts'
import type { GraphNode } from '../topology/node.ts'
import { RepartitionSink } from './repartition-sink.ts'

/** The node from which records of a stream come partitioned by their key: its own, or, for a re-keyed stream, that of a new repartition topic. */
export function partitionedByKey(
  from: StreamPlan<any, any>,
  name: string,
  serdes: { key?: Serde<any> | undefined; value?: Serde<any> | undefined },
): { node: GraphNode; key: Serde<any>; value: Serde<any>; isRepartitioned: boolean } {
  const { graph } = from
  const key = serdes.key ?? from.key ?? graph.defaults.key
  const value = serdes.value ?? from.value ?? graph.defaults.value
  if (!from.rekeyed) {
    relyOnKey(from.node)
    return { node: from.node, key, value, isRepartitioned: false }
  }
  const topic = graph.repartitionTopic(name)
  graph.sink(
    'KSTREAM-SINK',
    from.node,
    { topic, key, value, repartition: true },
    (context, self) => new RepartitionSink(context, self),
  )
  const node = graph.source('KSTREAM-SOURCE', { topic, key, value, repartition: true }, () => new SourceProcessor())
  return { node, key, value, isRepartitioned: true }
}
