import { ConfigError } from '@millrace/runtime'
import type { StreamRecord } from '../record.ts'
import { Stream } from '../rx/stream.ts'
import { Processor } from '../task/processor.ts'
import { planOf } from './from.ts'

/** The records of this and other streams, as they come. */
export function merge<K, V>(...others: Stream<K, V>[]): (source: Stream<K, V>) => Stream<K, V> {
  return source => {
    const plans = [source, ...others].map(stream => planOf('merge', stream))
    const [first] = plans
    const { graph } = first!
    if (plans.some(each => each.graph !== graph))
      throw new ConfigError('merge() of streams of two applications', 'write to a topic that both know')
    const node = graph.processor(
      'KSTREAM-MERGE',
      plans.map(each => each.node),
      () => new Forward(),
    )
    return new Stream(() => ({
      ...first!,
      node,
      key: plans.every(each => each.key === first!.key) ? first!.key : null,
      value: plans.every(each => each.value === first!.value) ? first!.value : null,
      rekeyed: plans.some(each => each.rekeyed),
    }))
  }
}

class Forward extends Processor {
  process(record: StreamRecord<any, any>): void {
    this.forward(record)
  }
}
