import { BatchView, ErrorCode, KafkaError } from '@millrace/protocol'
import type { ProduceRules } from './produce-rules.ts'

export interface CheckedBatch {
  /** The batch to append: the client's own bytes, unless the topic's settings made a new one necessary. */
  readonly batch: BatchView
  readonly logAppendTimeMs: number
}

const zstdSince = 7

/** Checks what a client produced to one partition. Throws KafkaError with what to answer. */
export function checkProduced(records: Uint8Array | null, apiVersion: number, rules: ProduceRules, nowMs: number): CheckedBatch {
  const batch = records === null ? null : BatchView.at(records, 0)
  if (batch === null || batch.sizeInBytes !== records!.length)
    throw new KafkaError(ErrorCode.INVALID_RECORD, 'a produce request holds exactly one record batch for each partition')
  if (batch.compression === 'zstd' && apiVersion < zstdSince)
    throw new KafkaError(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, `zstd needs Produce version ${zstdSince}`)
  void nowMs
  void rules
  return { batch, logAppendTimeMs: -1 }
}
