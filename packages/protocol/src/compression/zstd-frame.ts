import { damaged } from './compression-error.ts'
import { readUint32 } from './little-endian.ts'

const MAGIC = 0xfd2fb528
const SKIPPABLE_MAGIC = 0x184d2a50

/** Bytes of the frame header's optional parts, by the two bits that choose them. */
const DICTIONARY_ID_BYTES = [0, 1, 2, 4]
const CONTENT_SIZE_BYTES = [0, 2, 4, 8]

const RUN = 1
const RESERVED = 3

/** Where the zstd frame that begins at `start` ends, and whether it is one to skip. Its blocks are stepped over, not decoded. */
export function zstdFrameAt(bytes: Uint8Array, start: number): { readonly end: number; readonly isSkippable: boolean } {
  need(bytes, start, 4)
  const magic = readUint32(bytes, start)
  if ((magic & 0xffff_fff0) === SKIPPABLE_MAGIC) {
    need(bytes, start, 8)
    const end = start + 8 + readUint32(bytes, start + 4)
    need(bytes, end, 0)
    return { end, isSkippable: true }
  }
  if (magic !== MAGIC) throw damaged('zstd', 'no frame begins here')
  need(bytes, start, 5)
  const descriptor = bytes[start + 4]!
  const isSingleSegment = (descriptor & 0x20) !== 0
  const hasChecksum = (descriptor & 0x04) !== 0
  const sizeId = descriptor >>> 6
  const contentSizeBytes = sizeId === 0 && isSingleSegment ? 1 : CONTENT_SIZE_BYTES[sizeId]!
  let at = start + 5 + (isSingleSegment ? 0 : 1) + DICTIONARY_ID_BYTES[descriptor & 3]! + contentSizeBytes
  for (let isLast = false; !isLast; ) {
    need(bytes, at, 3)
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16)
    isLast = (word & 1) === 1
    const kind = (word >>> 1) & 3
    if (kind === RESERVED) throw damaged('zstd', 'a block of reserved type')
    at += 3 + (kind === RUN ? 1 : word >>> 3)
  }
  if (hasChecksum) at += 4
  need(bytes, at, 0)
  return { end: at, isSkippable: false }
}

function need(bytes: Uint8Array, at: number, count: number): void {
  if (count > bytes.length - at) throw damaged('zstd', 'the frame is cut short')
}
