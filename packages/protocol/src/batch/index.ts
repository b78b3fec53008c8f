export { BatchBuilder, type BatchBuilderOptions, estimateSizeInBytes, stamp } from './batch-builder.ts'
export { HEADER_BYTES as BATCH_HEADER_BYTES } from './batch-layout.ts'
export { BatchView, batchesIn, MAX_DECOMPRESSED_BYTES, setBaseOffsetAndEpoch, type TimestampType } from './batch-view.ts'
export {
  type ControlBatchOptions,
  ControlType,
  controlBatch,
  controlTypeOf,
  markerCoordinatorEpoch,
  transactionMarker,
} from './control-batch.ts'
export { CorruptBatchError } from './corrupt-batch.ts'
export type { Header, HeaderDraft } from './header.ts'
export { InvalidRecordsError, type RecordError } from './invalid-records.ts'
export { RecordCursor } from './record-cursor.ts'
export { type ProducedBatch, type ProduceLimits, validateProduced } from './validate.ts'
