import { metricsOf } from '@millrace/runtime'
import type { ConsumedBatch } from './consumed-batch.ts'

const metrics = metricsOf('@millrace/client', '0.1.0')
const records = metrics.counter('millrace.consumer.records', { unit: '{record}', description: 'Records handed to the reader' })
const bytes = metrics.counter('millrace.consumer.bytes', {
  unit: 'By',
  description: 'Bytes of the batches handed to the reader, as fetched',
})
const latency = metrics.histogram('millrace.consumer.fetch.duration', {
  unit: 'ms',
  description: 'From a fetch to its answer, the wait for records included',
})
const rebalances = metrics.counter('millrace.consumer.rebalances', { unit: '{rebalance}', description: 'Assignments received' })

/** What a consumer tells about itself: per batch and request, never per record. */
export class ConsumerMetrics {
  readonly #attributes: { readonly 'client.id': string; readonly group: string }

  constructor(clientId: string, group: string) {
    this.#attributes = { 'client.id': clientId, group }
  }

  consumed(batch: ConsumedBatch): void {
    records.add(batch.recordCount, this.#attributes)
    bytes.add(batch.sizeInBytes, this.#attributes)
  }

  fetched(durationMs: number): void {
    latency.record(durationMs, this.#attributes)
  }

  rebalanced(): void {
    rebalances.add(1, this.#attributes)
  }
}
