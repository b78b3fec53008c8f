import { type Metrics, metricsOf } from '@millrace/runtime'
import type { ProducerBatch } from './producer-batch.ts'

const instrumentsOf = (metrics: Metrics) => ({
  records: metrics.counter('millrace.producer.records', {
    unit: '{record}',
    description: 'Records that brokers have acknowledged',
  }),
  bytes: metrics.counter('millrace.producer.bytes', { unit: 'By', description: 'Bytes of acknowledged batches, as sent' }),
  retries: metrics.counter('millrace.producer.retries', {
    unit: '{batch}',
    description: 'Batches that had to be sent again',
  }),
  errors: metrics.counter('millrace.producer.errors', {
    unit: '{record}',
    description: 'Records that could not be delivered',
  }),
  latency: metrics.histogram('millrace.producer.request.duration', {
    unit: 'ms',
    description: 'From a produce request to its answer',
  }),
})

/** What a producer tells about itself: per batch and request, never per record. */
export class ProducerMetrics {
  readonly #attributes: { readonly 'client.id': string }
  #instruments: ReturnType<typeof instrumentsOf> | undefined

  constructor(clientId: string) {
    this.#attributes = { 'client.id': clientId }
  }

  sent(batch: ProducerBatch): void {
    const { records, bytes } = this.#made()
    records.add(batch.recordCount, this.#attributes)
    bytes.add(batch.sizeInBytes, this.#attributes)
  }

  retried(_batch: ProducerBatch): void {
    this.#made().retries.add(1, this.#attributes)
  }

  failed(batch: ProducerBatch): void {
    this.#made().errors.add(batch.recordCount, this.#attributes)
  }

  answered(durationMs: number): void {
    this.#made().latency.record(durationMs, this.#attributes)
  }

  /** Made with the first figure: an SDK that is installed between the import and then is told too. */
  #made(): ReturnType<typeof instrumentsOf> {
    this.#instruments ??= instrumentsOf(metricsOf('@millrace/client', '0.1.0'))
    return this.#instruments
  }
}
