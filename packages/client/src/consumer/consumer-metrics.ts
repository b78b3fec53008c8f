import { type Metrics, metricsOf } from '@millrace/runtime'
import type { ConsumedBatch } from './consumed-batch.ts'

const instrumentsOf = (metrics: Metrics) => ({
  records: metrics.counter('millrace.consumer.records', { unit: '{record}', description: 'Records handed to the reader' }),
  bytes: metrics.counter('millrace.consumer.bytes', {
    unit: 'By',
    description: 'Bytes of the batches handed to the reader, as fetched',
  }),
  latency: metrics.histogram('millrace.consumer.fetch.duration', {
    unit: 'ms',
    description: 'From a fetch to its answer, the wait for records included',
  }),
  rebalances: metrics.counter('millrace.consumer.rebalances', { unit: '{rebalance}', description: 'Assignments received' }),
})

/** What a consumer tells about itself: per batch and request, never per record. */
export class ConsumerMetrics {
  readonly #attributes: { readonly 'client.id': string; readonly group: string }
  #instruments: ReturnType<typeof instrumentsOf> | undefined

  constructor(clientId: string, group: string) {
    this.#attributes = { 'client.id': clientId, group }
  }

  consumed(batch: ConsumedBatch): void {
    const { records, bytes } = this.#made()
    records.add(batch.recordCount, this.#attributes)
    bytes.add(batch.sizeInBytes, this.#attributes)
  }

  fetched(durationMs: number): void {
    this.#made().latency.record(durationMs, this.#attributes)
  }

  rebalanced(): void {
    this.#made().rebalances.add(1, this.#attributes)
  }

  /** Made with the first figure: an SDK that is installed between the import and then is told too. */
  #made(): ReturnType<typeof instrumentsOf> {
    this.#instruments ??= instrumentsOf(metricsOf('@millrace/client', '0.1.0'))
    return this.#instruments
  }
}
