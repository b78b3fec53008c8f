import { sleep } from '@millrace/runtime'
import { SimulatedUniverse } from '@millrace/testkit'
import { expect, it } from 'vitest'
import { settledIn } from '../testing/settled.ts'
import { firstAnswer } from './first-answer.ts'

const universe = new SimulatedUniverse(1)
const { clock } = universe.machine('client').boot()

/** Targets say what becomes of them: an answer, a failure, or nothing ever. */
async function outcomeOf(targets: readonly string[], mayGoOn?: (error: unknown) => boolean) {
  const asked: string[] = []
  const startedMs = universe.scheduler.nowMs
  const ask = async (target: string) => {
    asked.push(target)
    if (target === 'hangs') await new Promise(() => {})
    if (target === 'slow') await sleep(clock, 150)
    if (target === 'fails') throw new Error('no')
    return target
  }
  const outcome = await settledIn(
    universe,
    firstAnswer({ clock, targets, patienceMs: 100, ask, ...(mayGoOn ? { mayGoOn } : {}) }),
  )
  return { asked, tookMs: universe.scheduler.nowMs - startedMs, ...outcome }
}

it('the first answer is enough', async () => {
  expect(await outcomeOf(['a', 'b'])).toMatchObject({ value: 'a', asked: ['a'] })
})

it('after a failure the next one is asked at once', async () => {
  expect(await outcomeOf(['fails', 'fails', 'c'])).toMatchObject({ value: 'c', asked: ['fails', 'fails', 'c'], tookMs: 0 })
})

it('beside one that hangs the next one is asked after a while', async () => {
  expect(await outcomeOf(['hangs', 'b', 'c'])).toMatchObject({ value: 'b', asked: ['hangs', 'b'], tookMs: 100 })
})

it('one that is slow still counts', async () => {
  expect(await outcomeOf(['slow', 'hangs'])).toMatchObject({ value: 'slow', tookMs: 150 })
})

it('when all have failed the last failure is told; some failures are told at once', async () => {
  expect((await outcomeOf(['fails', 'fails'])).error.message).toBe('no')
  expect(await outcomeOf(['fails', 'b'], () => false)).toMatchObject({ asked: ['fails'] })
})
