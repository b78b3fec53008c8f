import { BatchBuilder } from '@millrace/protocol'
import { type ControlRecord, controlBatch } from './control-records.ts'

const recordsPerBatch = 1024
const maxBatchBytes = 8 * 2 ** 20

export interface CheckpointContent {
  readonly epoch: number
  /** Of the last batch of the log that the checkpoint holds; 0 when there is none. */
  readonly lastContainedLogTimestampMs: number
  /** Voters and kraft.version, in the header's batch. */
  readonly control?: readonly ControlRecord[]
  /** Encoded values. */
  readonly values: Iterable<Uint8Array>
  readonly nowMs: number
}

/** The batches of a checkpoint file: header, values, footer; offsets count from 0. */
export function checkpointBatches(content: CheckpointContent): Uint8Array[] {
  const { epoch, nowMs } = content
  const header: ControlRecord = {
    type: 'SnapshotHeader',
    value: { version: 0, lastContainedLogTimestamp: content.lastContainedLogTimestampMs },
  }
  const head = [header, ...(content.control ?? [])]
  const batches = [controlBatch(head, { baseOffset: 0, epoch, timestampMs: nowMs })]
  let baseOffset = head.length
  let builder = newBuilder(baseOffset, epoch)
  const finish = () => {
    baseOffset += builder.recordCount
    batches.push(builder.build())
    builder = newBuilder(baseOffset, epoch)
  }
  for (const value of content.values) {
    if (builder.recordCount === recordsPerBatch || !builder.append(nowMs, null, value)) {
      finish()
      builder.append(nowMs, null, value)
    }
  }
  if (builder.recordCount > 0) finish()
  batches.push(controlBatch([{ type: 'SnapshotFooter', value: { version: 0 } }], { baseOffset, epoch, timestampMs: nowMs }))
  return batches
}

function newBuilder(baseOffset: number, partitionLeaderEpoch: number): BatchBuilder {
  return new BatchBuilder({ maxBytes: maxBatchBytes, baseOffset, partitionLeaderEpoch })
}
