import type { Partitions } from '../partition/partitions.ts'
import type { GroupOffset } from './coordinator-shard.ts'

/**
 * How far groups are behind, by group and topic: the sum of high watermarks less committed offsets. A topic of which this broker does not hold every partition that the group
 * has committed is left out: what it knows would be half of the truth.
 */
export function groupLags(
  committed: Iterable<GroupOffset>,
  partitions: Pick<Partitions, 'replica'>,
): [{ readonly group: string; readonly topic: string }, number][] {
  const lags = new Map<string, { readonly group: string; readonly topic: string; lag: number }>()
  for (const { groupId: group, topic, partition, offset } of committed) {
    const key = `${group}\n${topic}`
    let sum = lags.get(key)
    if (sum === undefined) lags.set(key, (sum = { group, topic, lag: 0 }))
    const slot = partitions.replica(topic, partition)
    sum.lag += typeof slot === 'number' ? Number.NaN : Math.max(0, slot.highWatermark - offset)
  }
  return [...lags.values()].filter(({ lag }) => !Number.isNaN(lag)).map(({ group, topic, lag }) => [{ group, topic }, lag])
}
