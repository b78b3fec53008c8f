import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../world/random.ts'
import { consistent } from './cluster-options.ts'
import { drawOptions, faultKinds, type SimulationOptions } from './options.ts'
import type { SimulationResult } from './run.ts'
import { type Play, shrink } from './shrink.ts'

const drawn: SimulationOptions = {
  ...drawOptions(new SeededRandom(1), 'cluster'),
  faults: faultKinds,
  safetyMs: 8000,
  streams: true,
}

/** Runs that fail as `failuresOf` says. */
function playing(failuresOf: (options: SimulationOptions) => string[]): Play {
  return async override => {
    const options = consistent({ ...drawn, ...override })
    const nothing = { virtualMs: 0, events: 0, acknowledged: 0, faults: new Map(), log: [], traceHash: '' }
    return { seed: 1, options, failures: failuresOf(options), ...nothing } satisfies SimulationResult
  }
}

describe('a failing run', () => {
  it('is made as small as the failure allows', async () => {
    const play = playing(({ faults, brokers, safetyMs }) =>
      faults.includes('pause-node') && brokers > 2 && safetyMs > 1500 ? [`value ${safetyMs} is gone`] : [],
    )
    const { result, override } = await shrink(await play({}), play)
    expect(result.options).toMatchObject({ faults: ['pause-node'], brokers: 3, partitions: 1, streams: false, safetyMs: 2000 })
    expect((await play(override)).failures).toEqual(['value 2000 is gone'])
  })

  it('is not exchanged for another failure', async () => {
    const play = playing(({ streams }) => (streams ? ['lost'] : ['duplicate']))
    const { result } = await shrink(await play({}), play)
    expect(result.options.streams).toBe(true)
    expect(result.failures).toEqual(['lost'])
  })

  it('is not run more often than allowed', async () => {
    let runs = 0
    const play = playing(() => ['always'])
    await shrink(
      await play({}),
      override => {
        runs++
        return play(override)
      },
      7,
    )
    expect(runs).toBe(7)
  })
})
