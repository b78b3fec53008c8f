/** Layouts of windowed keys. All integers are big-endian, so that byte order is the order of time. */

/** Kafka Streams' key of a windowed changelog: key, start (int64), sequence (int32, 0 where a key has one entry a window). */
export function changelogWindowKey(key: Uint8Array, start: number): Uint8Array {
  const bytes = new Uint8Array(key.length + 12)
  bytes.set(key)
  writeTime(bytes, key.length, start)
  return bytes
}

export function changelogWindowKeyParts(bytes: Uint8Array): { key: Uint8Array; start: number } {
  const length = bytes.length - 12
  return { key: bytes.subarray(0, length), start: readTime(bytes, length) }
}

/** The key in the local store: start first, so that what retention drops is one range. */
export function localWindowKey(key: Uint8Array, start: number): Uint8Array {
  const bytes = new Uint8Array(key.length + 8)
  writeTime(bytes, 0, start)
  bytes.set(key, 8)
  return bytes
}

/** The first local key of the windows from `start` on. */
export function localWindowStart(start: number): Uint8Array {
  const bytes = new Uint8Array(8)
  writeTime(bytes, 0, start)
  return bytes
}

export function localWindowKeyParts(bytes: Uint8Array): { key: Uint8Array; start: number } {
  return { key: bytes.subarray(8), start: readTime(bytes, 0) }
}

export function writeTime(bytes: Uint8Array, at: number, time: number): void {
  let high = Math.floor(time / 4294967296)
  let low = time - high * 4294967296
  for (let i = 3; i >= 0; i--, high = Math.floor(high / 256)) bytes[at + i] = high & 0xff
  for (let i = 7; i >= 4; i--, low = Math.floor(low / 256)) bytes[at + i] = low & 0xff
}

export function readTime(bytes: Uint8Array, at: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 8)
  return view.getInt32(0) * 4294967296 + view.getUint32(4)
}
