import { metricsOf } from '@millrace/runtime'
import type { ProducerBatch } from './producer-batch.ts'

const metrics = metricsOf('@millrace/client', '0.1.0')
const records = metrics.counter('millrace.producer.records', {
  unit: '{record}',
  description: 'Records that brokers have acknowledged',
})
const bytes = metrics.counter('millrace.producer.bytes', { unit: 'By', description: 'Bytes of acknowledged batches, as sent' })
const retries = metrics.counter('millrace.producer.retries', {
  unit: '{batch}',
  description: 'Batches that had to be sent again',
})
const errors = metrics.counter('millrace.producer.errors', {
  unit: '{record}',
  description: 'Records that could not be delivered',
})
const latency = metrics.histogram('millrace.producer.request.duration', {
  unit: 'ms',
  description: 'From a produce request to its answer',
})

/** What a producer tells about itself: per batch and request, never per record. */
export class ProducerMetrics {
  readonly #attributes: { readonly 'client.id': string }

  constructor(clientId: string) {
    this.#attributes = { 'client.id': clientId }
  }

  sent(batch: ProducerBatch): void {
    records.add(batch.recordCount, this.#attributes)
    bytes.add(batch.sizeInBytes, this.#attributes)
  }

  retried(_batch: ProducerBatch): void {
    retries.add(1, this.#attributes)
  }

  failed(batch: ProducerBatch): void {
    errors.add(batch.recordCount, this.#attributes)
  }

  answered(durationMs: number): void {
    latency.record(durationMs, this.#attributes)
  }
}
