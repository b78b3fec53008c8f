import {
  BatchBuilder,
  type BatchView,
  decode,
  encodeWhole,
  KRaftVersionRecord,
  LeaderChangeMessage,
  type Message,
  SnapshotFooterRecord,
  SnapshotHeaderRecord,
  VotersRecord,
} from '@millrace/protocol'

/** A record that raft writes into its log for itself. */
export type ControlRecord =
  | { readonly type: 'LeaderChange'; readonly value: LeaderChangeMessage }
  | { readonly type: 'SnapshotHeader'; readonly value: SnapshotHeaderRecord }
  | { readonly type: 'SnapshotFooter'; readonly value: SnapshotFooterRecord }
  | { readonly type: 'KRaftVersion'; readonly value: KRaftVersionRecord }
  | { readonly type: 'KRaftVoters'; readonly value: VotersRecord }

type ControlType = ControlRecord['type']

const numbers: Readonly<Record<ControlType, number>> = {
  LeaderChange: 2,
  SnapshotHeader: 3,
  SnapshotFooter: 4,
  KRaftVersion: 5,
  KRaftVoters: 6,
}
const messages: Readonly<Record<ControlType, Message<any>>> = {
  LeaderChange: LeaderChangeMessage,
  SnapshotHeader: SnapshotHeaderRecord,
  SnapshotFooter: SnapshotFooterRecord,
  KRaftVersion: KRaftVersionRecord,
  KRaftVoters: VotersRecord,
}
const types = new Map(Object.entries(numbers).map(([type, number]) => [number, type as ControlType]))

/** One control batch of these records. */
export function controlBatch(
  records: readonly ControlRecord[],
  at: { readonly baseOffset: number; readonly epoch: number; readonly timestampMs: number },
): Uint8Array {
  const builder = new BatchBuilder({
    maxBytes: 2 ** 20,
    initialBytes: 1024,
    control: true,
    baseOffset: at.baseOffset,
    partitionLeaderEpoch: at.epoch,
  })
  for (const { type, value } of records) {
    const key = Buffer.alloc(4)
    key.writeInt16BE(numbers[type], 2)
    builder.append(at.timestampMs, key, encodeWhole(messages[type], value.version, value))
  }
  return builder.build()
}

/** The control records of a batch that this version knows; others are passed over. */
export function controlRecordsIn(batch: BatchView): ControlRecord[] {
  const records: ControlRecord[] = []
  const cursor = batch.records()
  while (cursor.next()) {
    const key = cursor.key()
    const value = cursor.value()
    const type = key && key.length >= 4 ? types.get((key[2]! << 8) | key[3]!) : undefined
    if (type === undefined || value === null) continue
    // The first field of each is its version.
    const version = (value[0]! << 8) | value[1]!
    records.push({ type, value: decode(messages[type], version, value) })
  }
  return records
}
