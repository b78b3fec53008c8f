/**
 * The topics in a consumer's subscription (the metadata it joins with, `ConsumerProtocolSubscription`: version, then topics, the same in
 * every version). null when the bytes are something else: the coordinator then takes them as opaque.
 */
export function subscribedTopicsOf(metadata: Uint8Array): string[] | null {
  const view = new DataView(metadata.buffer, metadata.byteOffset, metadata.byteLength)
  if (view.byteLength < 6 || view.getInt16(0) < 0) return null
  const count = view.getInt32(2)
  if (count < 0 || count * 2 > view.byteLength - 6) return null
  const topics: string[] = []
  let at = 6
  for (let i = 0; i < count; i++) {
    if (at + 2 > view.byteLength) return null
    const length = view.getInt16(at)
    at += 2
    if (length < 0 || at + length > view.byteLength) return null
    topics.push(Buffer.from(metadata.buffer, metadata.byteOffset + at, length).toString())
    at += length
  }
  return topics
}
