import { SimulatedUniverse } from '@millrace/testkit'
import { expect, test } from 'vitest'
import { DelayedSet } from './delayed-set.ts'

test('a member stays away longer each time until it is let off', async () => {
  const universe = new SimulatedUniverse(1)
  const { clock } = universe.machine('m').boot()
  const back: [number, string[]][] = []
  const delayed = new DelayedSet<string>(clock, { initialMs: 20, maxMs: 100 }, members =>
    back.push([Math.round(clock.monotonic()), members]),
  )
  expect([delayed.add('a'), delayed.add('b')]).toEqual([20, 20])
  await universe.scheduler.run({ untilMs: 1000 })
  expect(back).toEqual([[20, ['a', 'b']]])
  expect([delayed.add('a'), delayed.add('a'), delayed.add('a'), delayed.add('a')]).toEqual([40, 80, 100, 100])
  delayed.letOff('b')
  expect(delayed.add('b')).toBe(20)
  await universe.scheduler.run({ untilMs: 2000 })
  expect(back.slice(1)).toEqual([
    [1020, ['b']],
    [1100, ['a']],
  ])
})

test('a member that is deleted does not come back', async () => {
  const universe = new SimulatedUniverse(1)
  const { clock } = universe.machine('m').boot()
  const back: string[] = []
  const delayed = new DelayedSet<string>(clock, { initialMs: 20, maxMs: 100 }, members => back.push(...members))
  delayed.add('a')
  delayed.add('b')
  delayed.delete('a')
  await universe.scheduler.run({ untilMs: 1000 })
  expect(back).toEqual(['b'])
})
