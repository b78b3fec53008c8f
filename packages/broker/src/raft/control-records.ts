import {
  type BatchView,
  controlBatch as batchOf,
  ControlType,
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

type RecordType = ControlRecord['type']

const numbers: Readonly<Record<RecordType, ControlType>> = {
  LeaderChange: ControlType.LEADER_CHANGE,
  SnapshotHeader: ControlType.SNAPSHOT_HEADER,
  SnapshotFooter: ControlType.SNAPSHOT_FOOTER,
  KRaftVersion: ControlType.KRAFT_VERSION,
  KRaftVoters: ControlType.KRAFT_VOTERS,
}
const messages: Readonly<Record<RecordType, Message<any>>> = {
  LeaderChange: LeaderChangeMessage,
  SnapshotHeader: SnapshotHeaderRecord,
  SnapshotFooter: SnapshotFooterRecord,
  KRaftVersion: KRaftVersionRecord,
  KRaftVoters: VotersRecord,
}
const types = new Map<number, RecordType>(Object.entries(numbers).map(([type, number]) => [number, type as RecordType]))

/** One control batch of these records. */
export function controlBatch(
  records: readonly ControlRecord[],
  at: { readonly baseOffset: number; readonly epoch: number; readonly timestampMs: number },
): Uint8Array {
  const encoded = records.map(({ type, value }) => ({
    type: numbers[type],
    value: encodeWhole(messages[type], value.version, value),
  }))
  return batchOf(encoded, { baseOffset: at.baseOffset, partitionLeaderEpoch: at.epoch, timestampMs: at.timestampMs })
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
