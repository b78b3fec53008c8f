import { BatchView, ErrorCode, KafkaError, validateProduced } from '@millrace/protocol'
import type { ProduceRules } from './produce-rules.ts'

export interface CheckedBatch {
  /** The batch to append: the client's own bytes, unless the topic's settings made new ones necessary. */
  readonly batch: BatchView
  /** -1 unless the broker has set the time. */
  readonly logAppendTimeMs: number
}

/** Produce version from which zstd may be sent. */
const zstdSince = 7

/** Checks what a client produced to one partition and applies the topic's settings to it. Throws KafkaError with what to answer. */
export function checkProduced(records: Uint8Array | null, apiVersion: number, rules: ProduceRules, nowMs: number): CheckedBatch {
  const { bytes, logAppendTimeMs } = validateProduced(records, rules, nowMs)
  if (apiVersion < zstdSince && BatchView.at(records!, 0)!.compression === 'zstd')
    throw new KafkaError(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, `zstd needs version ${zstdSince} of Produce`)
  const batch = BatchView.at(bytes, 0)!
  // No coordinator here would ever end the transaction: its records would stay undecided for ever.
  if (batch.isTransactional) throw new KafkaError(ErrorCode.INVALID_TXN_STATE, 'transactions are not served by this version')
  return { batch, logAppendTimeMs }
}
