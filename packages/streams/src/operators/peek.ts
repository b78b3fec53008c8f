import type { StreamRecord } from '../record.ts'
import { Stream } from '../rx/stream.ts'
import { Processor } from '../task/processor.ts'
import type { TaskContext } from '../task/task-context.ts'
import type { ProcessorNode } from '../topology/node.ts'
import { planOf } from './from.ts'

/** Looks at each record and hands it on as it is. Unlike rxjs's `tap` it keeps what is known of the serdes. */
export function peek<K, V>(look: (record: StreamRecord<K, V>) => void): (source: Stream<K, V>) => Stream<K, V> {
  return source => {
    const from = planOf('peek', source)
    const node = from.graph.processor('KSTREAM-PEEK', [from.node], (context, self) => new Peek(context, self, look))
    return new Stream(() => ({ ...from, node }))
  }
}

class Peek extends Processor {
  readonly #context: TaskContext
  readonly #node: ProcessorNode
  readonly #look: (record: StreamRecord<any, any>) => void

  constructor(context: TaskContext, node: ProcessorNode, look: (record: StreamRecord<any, any>) => void) {
    super()
    this.#context = context
    this.#node = node
    this.#look = look
  }

  process(record: StreamRecord<any, any>): void {
    try {
      this.#look(record)
    } catch (error) {
      this.#context.processingFailed(error, this.#node, record)
      return
    }
    this.forward(record)
  }
}
