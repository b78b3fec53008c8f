import { ErrorCode } from '@millrace/protocol'
import { expect, test } from 'vitest'
import type { Partitions } from '../partition/partitions.ts'
import { groupLags } from './group-lag.ts'

/** High watermarks of the partitions that are here. */
function holding(highWatermarks: Record<string, number>): Pick<Partitions, 'replica'> {
  return {
    replica: (topic, partition) => {
      const highWatermark = highWatermarks[`${topic}-${partition}`]
      if (highWatermark === undefined) return ErrorCode.NOT_LEADER_OR_FOLLOWER
      return { highWatermark } as ReturnType<Partitions['replica']>
    },
  }
}

test('the lag of a group in a topic is the sum over its partitions; a commit ahead of a follower counts as none', () => {
  const committed = [
    { groupId: 'g', topic: 't', partition: 0, offset: 4 },
    { groupId: 'g', topic: 't', partition: 1, offset: 9 },
    { groupId: 'h', topic: 't', partition: 0, offset: 10 },
  ]
  expect(groupLags(committed, holding({ 't-0': 10, 't-1': 7 }))).toEqual([
    [{ group: 'g', topic: 't' }, 6],
    [{ group: 'h', topic: 't' }, 0],
  ])
})

test('a topic of which a committed partition is not here is left out', () => {
  const committed = [
    { groupId: 'g', topic: 't', partition: 0, offset: 4 },
    { groupId: 'g', topic: 'u', partition: 0, offset: 1 },
    { groupId: 'g', topic: 't', partition: 1, offset: 0 },
  ]
  expect(groupLags(committed, holding({ 't-0': 10, 'u-0': 3 }))).toEqual([[{ group: 'g', topic: 'u' }, 2]])
})
