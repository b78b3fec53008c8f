import { crc32c } from '@millrace/protocol'
import type { Disk } from '@millrace/runtime'
import { readInt64, writeInt64 } from './int64.ts'

/** One producer as `.snapshot` files keep it: of its last batches only the newest. */
export interface SnapshotEntry {
  readonly producerId: number
  readonly epoch: number
  /** -1: no batch, only a marker. */
  readonly lastSequence: number
  readonly lastOffset: number
  readonly offsetDelta: number
  readonly timestamp: number
  readonly coordinatorEpoch: number
  /** -1: no open transaction. */
  readonly currentTransactionFirstOffset: number
}

const version = 1
const crcAt = 2
const countAt = 6
const headerBytes = 10
const entryBytes = 8 + 2 + 4 + 8 + 4 + 8 + 4 + 8

/** Writes `.snapshot`: int16 version, CRC-32C of what follows, the entries. It may be lost or torn by a crash: `readSnapshot` sees that. */
export function writeSnapshot(disk: Disk, path: string, entries: readonly SnapshotEntry[]): void {
  const bytes = Buffer.alloc(headerBytes + entries.length * entryBytes)
  bytes.writeInt16BE(version, 0)
  bytes.writeInt32BE(entries.length, countAt)
  let at = headerBytes
  for (const entry of entries) {
    writeInt64(bytes, at, entry.producerId)
    bytes.writeInt16BE(entry.epoch, at + 8)
    bytes.writeInt32BE(entry.lastSequence, at + 10)
    writeInt64(bytes, at + 14, entry.lastOffset)
    bytes.writeInt32BE(entry.offsetDelta, at + 22)
    writeInt64(bytes, at + 26, entry.timestamp)
    bytes.writeInt32BE(entry.coordinatorEpoch, at + 34)
    writeInt64(bytes, at + 38, entry.currentTransactionFirstOffset)
    at += entryBytes
  }
  bytes.writeUInt32BE(crc32c(bytes, countAt, bytes.length), crcAt)
  disk.remove(path)
  const file = disk.open(path, 'write')
  try {
    file.write([bytes], 0)
  } finally {
    file.close()
  }
}

/** Null for a file that is damaged or of another version. */
export function readSnapshot(disk: Disk, path: string): SnapshotEntry[] | null {
  const bytes = disk.readFile(path)
  if (bytes.length < headerBytes || bytes.readInt16BE(0) !== version) return null
  if (bytes.readUInt32BE(crcAt) !== crc32c(bytes, countAt, bytes.length)) return null
  if (bytes.readInt32BE(countAt) * entryBytes !== bytes.length - headerBytes) return null
  const entries: SnapshotEntry[] = []
  for (let at = headerBytes; at < bytes.length; at += entryBytes) {
    entries.push({
      producerId: readInt64(bytes, at),
      epoch: bytes.readInt16BE(at + 8),
      lastSequence: bytes.readInt32BE(at + 10),
      lastOffset: readInt64(bytes, at + 14),
      offsetDelta: bytes.readInt32BE(at + 22),
      timestamp: readInt64(bytes, at + 26),
      coordinatorEpoch: bytes.readInt32BE(at + 34),
      currentTransactionFirstOffset: readInt64(bytes, at + 38),
    })
  }
  return entries
}
