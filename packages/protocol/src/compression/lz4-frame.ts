import { damaged, tooLarge } from './compression-error.ts'
import { readUint32, writeUint32 } from './little-endian.ts'
import { lz4BlockBound, lz4CompressBlock, lz4DecompressBlock } from './lz4-block.ts'
import { OutputBuffer } from './output-buffer.ts'
import { xxhash32 } from './xxhash32.ts'

const MAGIC = 0x184d2204
const SKIPPABLE_MAGIC = 0x184d2a50
const STORED = 0x8000_0000

/** What Kafka writes: version 1, independent blocks of at most 64 KiB, no checksums but the header's. */
const WRITTEN_FLAGS = 0x60
const WRITTEN_BLOCK_DESCRIPTOR = 0x40
const WRITTEN_BLOCK_BYTES = 64 * 1024

/** A byte of a block makes at most this many. */
const MAX_RATIO = 255

/** Kafka's default for `compression.lz4.level`; it stands for the fast search, every other level for the thorough one. */
const FAST_LEVEL = 9

/** One LZ4 frame as Apache Kafka writes it. @param level 1 to 17; 9, the default, is the fast one */
export function lz4Compress(bytes: Uint8Array, level: number = FAST_LEVEL): Uint8Array {
  const attempts = level === FAST_LEVEL ? 1 : 2 ** Math.min(Math.max(level - 1, 1), 12)
  const blocks = Math.ceil(bytes.length / WRITTEN_BLOCK_BYTES)
  const frame = Buffer.allocUnsafe(lz4BlockBound(bytes.length) + blocks * 32 + 16)
  writeUint32(frame, 0, MAGIC)
  frame[4] = WRITTEN_FLAGS
  frame[5] = WRITTEN_BLOCK_DESCRIPTOR
  frame[6] = xxhash32(frame, 4, 6) >>> 8
  let at = 7
  for (let start = 0; start < bytes.length; start += WRITTEN_BLOCK_BYTES) {
    const end = Math.min(start + WRITTEN_BLOCK_BYTES, bytes.length)
    const size = lz4CompressBlock(bytes, start, end, frame, at + 4, attempts) - at - 4
    if (size < end - start) {
      writeUint32(frame, at, size)
      at += 4 + size
    } else {
      writeUint32(frame, at, STORED | (end - start))
      frame.set(bytes.subarray(start, end), at + 4)
      at += 4 + end - start
    }
  }
  writeUint32(frame, at, 0)
  return frame.subarray(0, at + 4)
}

/**
 * LZ4 frames one after another, with all that the format allows but dictionaries: any block size, blocks that depend on earlier ones, checksums
 * of blocks and content, a content size.
 *
 * @throws CompressionError CORRUPT_MESSAGE, or MESSAGE_TOO_LARGE above `maxBytes`
 */
export function lz4Decompress(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const output = new OutputBuffer('lz4', maxBytes)
  let at = 0
  do {
    at = readFrame(bytes, at, output)
  } while (at < bytes.length)
  return output.finish()
}

function readFrame(bytes: Uint8Array, start: number, output: OutputBuffer): number {
  let at = start
  need(bytes, at, 7)
  const magic = readUint32(bytes, at)
  if ((magic & 0xffff_fff0) === SKIPPABLE_MAGIC) {
    need(bytes, at, 8)
    const size = readUint32(bytes, at + 4)
    need(bytes, at + 8, size)
    return at + 8 + size
  }
  if (magic !== MAGIC) throw damaged('lz4', 'no frame begins here')
  const flags = bytes[at + 4]!
  const descriptor = bytes[at + 5]!
  if (flags >>> 6 !== 1) throw damaged('lz4', `frame version ${flags >>> 6}`)
  if (flags & 0x02 || descriptor & 0x8f) throw damaged('lz4', 'reserved bits are set')
  if (flags & 0x01) throw damaged('lz4', 'the frame needs a dictionary')
  const sizeId = descriptor >>> 4
  if (sizeId < 4) throw damaged('lz4', `block size id ${sizeId}`)
  const blockBytes = 1 << (8 + 2 * sizeId)
  const hasDependentBlocks = (flags & 0x20) === 0
  const hasBlockChecksums = (flags & 0x10) !== 0
  const hasContentSize = (flags & 0x08) !== 0
  const hasContentChecksum = (flags & 0x04) !== 0
  const descriptorEnd = at + 6 + (hasContentSize ? 8 : 0)
  need(bytes, descriptorEnd, 1)
  if (bytes[descriptorEnd] !== ((xxhash32(bytes, at + 4, descriptorEnd) >>> 8) & 0xff))
    throw damaged('lz4', 'wrong header checksum')
  const contentSize = hasContentSize ? readUint32(bytes, at + 6) + readUint32(bytes, at + 10) * 0x1_0000_0000 : -1
  const contentStart = output.length
  if (contentSize > output.maxBytes - contentStart) throw tooLarge('lz4', output.maxBytes)
  at = descriptorEnd + 1
  for (;;) {
    need(bytes, at, 4)
    const word = readUint32(bytes, at)
    at += 4
    if (word === 0) break
    const isStored = word >= STORED
    const size = isStored ? word - STORED : word
    if (size > blockBytes) throw damaged('lz4', `a block of ${size} bytes, ${blockBytes} are allowed`)
    need(bytes, at, size + (hasBlockChecksums ? 4 : 0))
    if (hasBlockChecksums && readUint32(bytes, at + size) !== xxhash32(bytes, at, at + size)) {
      throw damaged('lz4', 'wrong block checksum')
    }
    if (isStored) output.append(bytes.subarray(at, at + size))
    else {
      const room = output.room(Math.min(blockBytes, size * MAX_RATIO))
      const floor = hasDependentBlocks ? contentStart : output.length
      const end = lz4DecompressBlock(bytes, at, at + size, output.bytes, output.length, output.length + room, floor)
      if (end < 0) {
        if (room < blockBytes && output.length + room === output.maxBytes) throw tooLarge('lz4', output.maxBytes)
        throw damaged('lz4', `a block unfolds to more than ${room} bytes`)
      }
      output.length = end
    }
    at += size + (hasBlockChecksums ? 4 : 0)
  }
  if (contentSize >= 0 && output.length - contentStart !== contentSize) {
    throw damaged('lz4', `${output.length - contentStart} bytes of content, ${contentSize} are declared`)
  }
  if (hasContentChecksum) {
    need(bytes, at, 4)
    if (readUint32(bytes, at) !== xxhash32(output.bytes, contentStart, output.length))
      throw damaged('lz4', 'wrong content checksum')
    at += 4
  }
  return at
}

function need(bytes: Uint8Array, at: number, count: number): void {
  if (count > bytes.length - at) throw damaged('lz4', 'the frame is cut short')
}
