import { ProtocolError } from './protocol-error.ts'

/** The uuid that stands for none. */
export const zeroUuid = 'AAAAAAAAAAAAAAAAAAAAAA'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const digits = new Uint8Array(128).fill(255)
for (let i = 0; i < 64; i++) digits[alphabet.charCodeAt(i)] = i

/** The last text for each of 256 slots: topics and directories come by again and again. */
const recent: { high: number; second: number; third: number; low: number; text: string }[] = []
for (let i = 0; i < 256; i++) recent.push({ high: 0, second: 0, third: 0, low: 0, text: zeroUuid })

/** Reads 16 bytes as 22 characters of URL-safe base64. */
export function readUuid(view: DataView, position: number): string {
  const high = view.getInt32(position)
  const second = view.getInt32(position + 4)
  const third = view.getInt32(position + 8)
  const low = view.getInt32(position + 12)
  if ((high | second | third | low) === 0) return zeroUuid
  const slot = recent[(high ^ (low >>> 8) ^ low) & 255]!
  if (slot.high === high && slot.second === second && slot.third === third && slot.low === low) return slot.text
  let text = ''
  for (let at = position; at < position + 15; at += 3) {
    const bits = (view.getUint16(at) << 8) | view.getUint8(at + 2)
    text += alphabet[bits >> 18]! + alphabet[(bits >> 12) & 63]! + alphabet[(bits >> 6) & 63]! + alphabet[bits & 63]!
  }
  const last = view.getUint8(position + 15)
  text += alphabet[last >> 2]! + alphabet[(last & 3) << 4]!
  slot.high = high
  slot.second = second
  slot.third = third
  slot.low = low
  slot.text = text
  return text
}

/** Writes the 16 bytes of a uuid text. Throws ProtocolError for anything but 22 characters that stand for exactly 16 bytes. */
export function putUuid(bytes: Uint8Array, position: number, text: string): void {
  if (text === zeroUuid) {
    bytes.fill(0, position, position + 16)
    return
  }
  if (!isUuid(text)) throw new ProtocolError(`not a uuid: '${text}'`, { hint: '22 characters of URL-safe base64, for 16 bytes' })
  for (let i = 0; i < 20; i += 4) {
    const bits = (digit(text, i) << 18) | (digit(text, i + 1) << 12) | (digit(text, i + 2) << 6) | digit(text, i + 3)
    bytes[position++] = bits >> 16
    bytes[position++] = bits >> 8
    bytes[position++] = bits
  }
  bytes[position] = (digit(text, 20) << 2) | (digit(text, 21) >> 4)
}

/** Whether a text is the canonical form of a uuid. */
export function isUuid(text: string): boolean {
  if (typeof text !== 'string' || text.length !== 22) return false
  for (let i = 0; i < 22; i++) if (text.charCodeAt(i) > 127 || digit(text, i) === 255) return false
  return (digit(text, 21) & 15) === 0
}

function digit(text: string, index: number): number {
  return digits[text.charCodeAt(index)]!
}

/** The text of 16 bytes. */
export function uuidOf(bytes: Uint8Array): string {
  if (bytes.length !== 16) throw new ProtocolError(`a uuid has 16 bytes, not ${bytes.length}`)
  return readUuid(new DataView(bytes.buffer, bytes.byteOffset, 16), 0)
}

/** The 16 bytes of a uuid text. */
export function uuidBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(16)
  putUuid(bytes, 0, text)
  return bytes
}
