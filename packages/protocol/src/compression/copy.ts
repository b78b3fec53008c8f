/** From this many bytes on a call of the built-in copy is faster than a loop. */
const BUILT_IN_FROM = 48

/** Copies `from[start..start + length)` to `to[at..)`: different arrays, or ranges that don't overlap. */
export function copyLiterals(from: Uint8Array, start: number, to: Uint8Array, at: number, length: number): void {
  if (length >= BUILT_IN_FROM) to.set(from.subarray(start, start + length), at)
  else for (let index = 0; index < length; index++) to[at + index] = from[start + index]!
}

/** Repeats what stands `distance` bytes before `at`; where the ranges overlap, bytes just written are read again. */
export function copyMatch(bytes: Uint8Array, at: number, distance: number, length: number): void {
  if (length >= BUILT_IN_FROM && distance >= length) bytes.copyWithin(at, at - distance, at - distance + length)
  else for (let from = at - distance, end = at + length; at < end; ) bytes[at++] = bytes[from++]!
}
