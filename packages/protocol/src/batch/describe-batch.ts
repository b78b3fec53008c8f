import type { BatchView } from './batch-view.ts'

/**
 * A batch with its records as one line of text, to compare or to look at: header fields, then each record:
 * `field,field,…;offset,timestamp,key,value,header=value,…;…`, bytes in hex and null as `-`.
 */
export function describeBatch(batch: BatchView): string {
  const lines = [
    [
      batch.baseOffset,
      batch.lastOffset,
      batch.partitionLeaderEpoch,
      batch.compression,
      batch.timestampType,
      batch.isTransactional ? 'transactional' : '-',
      batch.isControl ? 'control' : '-',
      batch.deleteHorizonMs ?? '-',
      batch.maxTimestamp,
      batch.producerId,
      batch.producerEpoch,
      batch.baseSequence,
      batch.lastSequence,
      batch.recordCount,
    ].join(','),
  ]
  const cursor = batch.records()
  while (cursor.next()) {
    const headers = cursor.headers().map(({ key, value }) => `${hex(Buffer.from(key))}=${hex(value)}`)
    lines.push([cursor.offset, cursor.timestamp, hex(cursor.key()), hex(cursor.value()), ...headers].join(','))
  }
  return lines.join(';')
}

function hex(bytes: Uint8Array | null): string {
  return bytes === null ? '-' : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}
