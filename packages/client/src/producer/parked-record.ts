import { ErrorCode, errorOf, type HeaderDraft } from '@millrace/protocol'
import type { ProducerRecord, RecordMetadata } from './record.ts'

/** A record that waits for its topic's metadata or for room. */
export interface ParkedRecord {
  readonly record: ProducerRecord
  /** Monotonic. */
  readonly deadlineMs: number
  /** Absent for `append`. */
  readonly resolve?: (metadata: RecordMetadata | PromiseLike<RecordMetadata>) => void
  readonly reject?: (error: Error) => void
}

/** What can be seen to be wrong before the topic is known. Throws a KafkaError MESSAGE_TOO_LARGE. */
export function checkShape({ key, value, headers }: ProducerRecord, maxRequestBytes: number): void {
  let bytes = (key?.length ?? 0) + (value?.length ?? 0)
  for (const header of headers ?? []) bytes += header.key.length + (header.value?.length ?? 0)
  if (bytes > maxRequestBytes)
    throw errorOf(ErrorCode.MESSAGE_TOO_LARGE, `A record of ${bytes} bytes is above maxRequestBytes (${maxRequestBytes})`)
}

/** The caller may change its bytes after the call: what waits is copied, and has the time of the call. */
export function copyOf(record: ProducerRecord, nowMs: number): ProducerRecord {
  const headers = record.headers?.map(({ key, value }): HeaderDraft => ({ key, value: copied(value) }))
  const timestamp = record.timestamp ?? nowMs
  return { ...record, key: copied(record.key ?? null), value: copied(record.value), timestamp, headers }
}

/** Bytes of memory that it takes while it waits, about. */
export function sizeOf({ record: { key, value } }: ParkedRecord): number {
  return 64 + (key?.length ?? 0) + (value?.length ?? 0)
}

function copied(part: Uint8Array | string | null): Uint8Array | string | null {
  return part === null || typeof part === 'string' ? part : Uint8Array.from(part)
}
