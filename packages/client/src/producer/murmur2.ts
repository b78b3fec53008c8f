/** MurmurHash2 (32 bit) with the seed of Apache Kafka's default partitioner: signed result, equal to the Java client's for equal bytes. */
const seed = 0x9747b28c | 0
const m = 0x5bd1e995

export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length
  let hash = seed ^ length
  let i = 0
  for (; i + 4 <= length; i += 4) {
    let k = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    k = Math.imul(k, m)
    k ^= k >>> 24
    hash = Math.imul(hash, m) ^ Math.imul(k, m)
  }
  return finish(hash, length - i, bytes[i]!, bytes[i + 1]!, bytes[i + 2]!)
}

/** The hash of the text's UTF-8 bytes; ASCII text is hashed without being encoded first. */
export function murmur2OfText(text: string): number {
  const length = text.length
  let hash = seed ^ length
  let i = 0
  for (; i + 4 <= length; i += 4) {
    const a = text.charCodeAt(i)
    const b = text.charCodeAt(i + 1)
    const c = text.charCodeAt(i + 2)
    const d = text.charCodeAt(i + 3)
    if ((a | b | c | d) > 0x7f) return murmur2(Buffer.from(text))
    let k = a | (b << 8) | (c << 16) | (d << 24)
    k = Math.imul(k, m)
    k ^= k >>> 24
    hash = Math.imul(hash, m) ^ Math.imul(k, m)
  }
  const rest = length - i
  const x = rest > 0 ? text.charCodeAt(i) : 0
  const y = rest > 1 ? text.charCodeAt(i + 1) : 0
  const z = rest > 2 ? text.charCodeAt(i + 2) : 0
  if ((x | y | z) > 0x7f) return murmur2(Buffer.from(text))
  return finish(hash, rest, x, y, z)
}

function finish(hash: number, rest: number, x: number, y: number, z: number): number {
  if (rest === 3) hash ^= z << 16
  if (rest >= 2) hash ^= y << 8
  if (rest >= 1) {
    hash ^= x
    hash = Math.imul(hash, m)
  }
  hash ^= hash >>> 13
  hash = Math.imul(hash, m)
  return hash ^ (hash >>> 15)
}

/** The partition of a key, as Java's producer, Kafka Streams and Kafka Connect choose it. */
export function partitionOfKey(key: Uint8Array | string, partitionCount: number): number {
  const hash = typeof key === 'string' ? murmur2OfText(key) : murmur2(key)
  return (hash & 0x7fffffff) % partitionCount
}
