/** From this many bytes on a call of the built-in copy is faster than a loop. */
const BUILT_IN_FROM = 256

/** Copies `from[start..start + length)` to `to[at..)`: different arrays. The views are of the arrays: words move faster than bytes. */
export function copyLiterals(
  from: Uint8Array,
  fromView: DataView,
  start: number,
  to: Uint8Array,
  toView: DataView,
  at: number,
  length: number,
): void {
  if (length >= BUILT_IN_FROM) {
    to.set(from.subarray(start, start + length), at)
    return
  }
  let index = 0
  for (const words = length - 3; index < words; index += 4) toView.setInt32(at + index, fromView.getInt32(start + index))
  for (; index < length; index++) to[at + index] = from[start + index]!
}

/** Repeats what stands `distance` bytes before `at`; where the ranges overlap, bytes just written are read again. */
export function copyMatch(bytes: Uint8Array, view: DataView, at: number, distance: number, length: number): void {
  if (length >= BUILT_IN_FROM && distance >= length) {
    bytes.copyWithin(at, at - distance, at - distance + length)
    return
  }
  const from = at - distance
  let index = 0
  if (distance >= 4)
    for (const words = length - 3; index < words; index += 4) view.setInt32(at + index, view.getInt32(from + index))
  for (; index < length; index++) bytes[at + index] = bytes[from + index]!
}
