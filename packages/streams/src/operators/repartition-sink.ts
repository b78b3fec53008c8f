import type { RecordHeader, StreamRecord } from '../record.ts'
import { isText } from '../serde/serde.ts'
import { originHeaders } from '../task/origin.ts'
import { Processor } from '../task/processor.ts'
import type { TaskContext } from '../task/task-context.ts'
import type { SinkNode } from '../topology/node.ts'

/**
 * Writes to a repartition topic. A record that comes straight from the input record being processed says so in a header, so that the reader can let
 * go of what is written again after a crash.
 */
export class RepartitionSink extends Processor {
  readonly #context: TaskContext
  readonly #node: SinkNode
  #lastOffset = -1
  #lastTopic = ''
  #index = 0

  constructor(context: TaskContext, node: SinkNode) {
    super()
    this.#context = context
    this.#node = node
  }

  process(record: StreamRecord<any, any>): void {
    const { key, value } = record
    const { outlet, metrics, current } = this.#context
    const { topic, key: keySerde, value: valueSerde } = this.#node
    if (key === null || key === undefined) {
      metrics.dropped++
      return
    }
    let headers: readonly RecordHeader[] = record.headers
    if (current !== null && current.offset === record.offset && current.topic === record.topic) {
      if (this.#lastOffset === current.offset && this.#lastTopic === current.topic) this.#index++
      else {
        this.#lastOffset = current.offset
        this.#lastTopic = current.topic
        this.#index = 0
      }
      const origin = originHeaders(current.topic, current.partition, current.offset, this.#index)
      headers = headers.length === 0 ? origin : [...headers, ...origin]
    }
    try {
      const keyBytes = isText(keySerde) && typeof key === 'string' ? key : keySerde.serialize(topic, key)
      const valueBytes = value === null || value === undefined ? null : valueSerde.serialize(topic, value)
      outlet.send(topic, undefined, keyBytes, valueBytes, record.timestamp, headers)
    } catch (error) {
      this.#context.productionFailed(error, this.#node, record)
    }
  }
}
