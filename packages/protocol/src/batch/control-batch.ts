import { BatchBuilder } from './batch-builder.ts'
import { CorruptBatchError } from './corrupt-batch.ts'
import { readInt16, readInt32, writeInt16, writeInt32 } from './integers.ts'
import type { RecordCursor } from './record-cursor.ts'

/** Types of control records, as their keys number them. */
export const ControlType = {
  ABORT: 0,
  COMMIT: 1,
  LEADER_CHANGE: 2,
  SNAPSHOT_HEADER: 3,
  SNAPSHOT_FOOTER: 4,
  KRAFT_VERSION: 5,
  KRAFT_VOTERS: 6,
} as const

export type ControlType = (typeof ControlType)[keyof typeof ControlType]

export interface ControlBatchOptions {
  readonly baseOffset?: number
  readonly partitionLeaderEpoch?: number
  readonly timestampMs: number
  /** Of the transaction that a marker ends; default -1. */
  readonly producerId?: number
  readonly producerEpoch?: number
}

const KEY_BYTES = 4
const MARKER_BYTES = 6

/** A control batch: one record for each type and body; of a transaction when it names a producer. */
export function controlBatch(
  records: readonly { readonly type: ControlType; readonly value: Uint8Array }[],
  options: ControlBatchOptions,
): Uint8Array {
  const { timestampMs, ...header } = options
  const builder = new BatchBuilder({
    ...header,
    maxBytes: Number.MAX_SAFE_INTEGER,
    initialBytes: 256,
    control: true,
    transactional: (options.producerId ?? -1) >= 0,
  })
  for (const { type, value } of records) {
    const key = new Uint8Array(KEY_BYTES)
    writeInt16(key, 2, type)
    builder.append(timestampMs, key, value)
  }
  return builder.build()
}

/** The marker by which a transaction coordinator ends a transaction in a partition. */
export function transactionMarker(
  type: typeof ControlType.COMMIT | typeof ControlType.ABORT,
  coordinatorEpoch: number,
  options: ControlBatchOptions & { readonly producerId: number; readonly producerEpoch: number },
): Uint8Array {
  const value = new Uint8Array(MARKER_BYTES)
  writeInt32(value, 2, coordinatorEpoch)
  return controlBatch([{ type, value }], options)
}

/** The type of the cursor's record, which is of a control batch; one that is not in `ControlType` is to be passed over. */
export function controlTypeOf(cursor: RecordCursor): number {
  if (cursor.keyLength < KEY_BYTES) throw new CorruptBatchError(`a control record with a key of ${cursor.keyLength} bytes`)
  return readInt16(cursor.bytes, cursor.keyStart + 2)
}

/** The coordinator epoch in the cursor's record, which is a COMMIT or ABORT marker. */
export function markerCoordinatorEpoch(cursor: RecordCursor): number {
  if (cursor.valueLength < MARKER_BYTES) throw new CorruptBatchError(`a transaction marker of ${cursor.valueLength} bytes`)
  return readInt32(cursor.bytes, cursor.valueStart + 2)
}
