/** The internal topic that holds groups and their offsets. */
export const offsetsTopic = '__consumer_offsets'

/** The partition of `__consumer_offsets` whose leader coordinates the group. */
export function coordinatorPartition(groupId: string, partitions: number): number {
  return absolute(javaHash(groupId)) % partitions
}

/** Java's String.hashCode: over UTF-16 units, in 32 bits. */
export function javaHash(text: string): number {
  let hash = 0
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0
  return hash
}

/** Kafka's own: the smallest int, which has no absolute value, counts as 0. */
function absolute(value: number): number {
  return value === -(2 ** 31) ? 0 : Math.abs(value)
}
