import { readTime, writeTime } from '../window/window-key.ts'

/** A value in a local store: its timestamp (8 bytes), then the serialized value. The changelog has the plain value, the time in the record. */
export function stamped(timestamp: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(value.length + 8)
  writeTime(bytes, 0, timestamp)
  bytes.set(value, 8)
  return bytes
}

export function timestampOf(bytes: Uint8Array): number {
  return readTime(bytes, 0)
}

export function valueBytesOf(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(8)
}
