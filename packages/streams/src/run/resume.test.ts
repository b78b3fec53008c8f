import { describe, expect, it } from 'vitest'
import type { Checkpoint } from '../task/checkpoint.ts'
import { checkpointOf, committedOf, maxMetadataBytes } from './commit-metadata.ts'
import { resumePlan } from './resume.ts'

const checkpoint = (offset: number, changelog: number, part: Partial<Checkpoint> = {}): Checkpoint => ({
  inputs: { in: { offset, timeMs: offset } },
  changelogs: { s: changelog },
  times: { s: offset },
  ...part,
})

describe('a task', () => {
  it('of which nothing is known begins anew and takes changelogs to their end', () => {
    expect(resumePlan(null, [])).toMatchObject({ inputs: {}, changelogs: {}, local: {} })
  })

  it('whose group and local state agree goes on from there', () => {
    expect(resumePlan(checkpoint(5, 50), committedOf(checkpoint(5, 50)))).toMatchObject({
      inputs: { in: { offset: 5 } },
      changelogs: { s: 50 },
      local: { s: 50 },
      times: { s: 5 },
    })
  })

  it('whose local state is behind brings it up to what the group says', () => {
    expect(resumePlan(checkpoint(5, 50), committedOf(checkpoint(9, 90)))).toMatchObject({
      inputs: { in: { offset: 9, timeMs: 9 } },
      changelogs: { s: 90 },
      local: { s: 50 },
      times: { s: 9 },
    })
  })

  it('without local state takes the changelogs as far as the group says', () => {
    expect(resumePlan(null, committedOf(checkpoint(9, 90)))).toMatchObject({
      inputs: { in: { offset: 9 } },
      changelogs: { s: 90 },
      local: {},
      times: { s: 9 },
    })
  })

  it('whose restore was cut off goes on with it', () => {
    expect(resumePlan({ inputs: {}, changelogs: { s: 60 }, times: {} }, committedOf(checkpoint(9, 90)))).toMatchObject({
      inputs: { in: { offset: 9 } },
      changelogs: { s: 90 },
      local: { s: 60 },
    })
  })

  it('whose group has forgotten goes on from the local state', () => {
    expect(resumePlan(checkpoint(5, 50), [])).toMatchObject({
      inputs: { in: { offset: 5 } },
      changelogs: { s: 50 },
      local: { s: 50 },
      warning: null,
    })
  })

  it('whose offsets were set back follows them, with a warning', () => {
    const plan = resumePlan(checkpoint(5, 50), [{ topic: 'in', offset: 1, metadata: '' }])
    expect(plan).toMatchObject({ inputs: { in: { offset: 1 } }, changelogs: { s: 50 } })
    expect(plan.warning).toMatch(/set back/)
  })

  it('whose offsets were committed by a tool takes changelogs to their end', () => {
    expect(resumePlan(null, [{ topic: 'in', offset: 4, metadata: 'by hand' }])).toMatchObject({
      inputs: { in: { offset: 4, timeMs: -1 } },
      changelogs: {},
    })
  })
})

describe('what goes with a committed offset', () => {
  it('is the whole checkpoint, in one of the partitions', () => {
    const whole = checkpoint(5, 50, {
      inputs: { in: { offset: 5, timeMs: 7, seen: { 123: [4, 1] } }, rows: { offset: 2, timeMs: -1 } },
    })
    const committed = committedOf(whole)
    expect(committed.map(({ topic }) => topic)).toEqual(['in', 'rows'])
    expect(checkpointOf(committed)).toEqual({ ...whole, hasChangelogs: true })
  })

  it('fits Kafka’s limit: what is least needed is left out first', () => {
    const seen = Object.fromEntries(Array.from({ length: 400 }, (_, i) => [i + 2 ** 40, [i + 2 ** 30, 0] as const]))
    const [committed] = committedOf(checkpoint(5, 50, { inputs: { in: { offset: 5, timeMs: 7, seen } } }))
    expect(Buffer.byteLength(committed!.metadata)).toBeLessThanOrEqual(maxMetadataBytes)
    expect(checkpointOf([committed!])).toMatchObject({ changelogs: { s: 50 } })
    const changelogs = Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`store-${i}`, i]))
    const [tooLarge] = committedOf(checkpoint(5, 50, { changelogs }))
    expect(checkpointOf([tooLarge!])).toMatchObject({ inputs: { in: { offset: 5, timeMs: 5 } }, hasChangelogs: false })
  })
})
