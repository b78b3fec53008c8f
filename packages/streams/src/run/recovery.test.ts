import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aggregate, count, groupBy, groupByKey, join, type Streams, to, toTable, tumbling, windowed } from '../index.ts'
import { drive, numbers, texts, written } from '../testing.ts'

/** A join, an aggregate by key, one by another key (a repartition topic) and one by window. */
function pipeline(app: Streams): void {
  const names = app.table('names', texts)
  const joined = app.stream('in', numbers).pipe(join(names, (value, name) => ({ value, name })))
  joined.pipe(groupByKey(), count({ name: 'by-key' }), to('keys'))
  joined.pipe(
    groupBy(({ value }) => value.name, { name: 'names' }),
    aggregate(
      () => 0,
      (sum, { value }) => sum + value.value,
      { name: 'by-name' },
    ),
    to('sums'),
  )
  joined.pipe(groupByKey(), windowed(tumbling(10, { grace: 1000 })), count({ name: 'by-window' }), to('windows'))
}

type Step =
  | { kind: 'record'; key: string; value: number; timestamp: number }
  | { kind: 'commit' }
  | { kind: 'crash'; after: 'nothing' | 'output' | 'offsets'; state: 'kept' | 'lost' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('record' as const),
      key: fc.constantFrom('a', 'b', 'c'),
      value: fc.nat(9),
      timestamp: fc.nat(50),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('commit' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('crash' as const),
      after: fc.constantFrom('nothing' as const, 'output' as const, 'offsets' as const),
      state: fc.constantFrom('kept' as const, 'lost' as const),
    }),
  },
)
const names: Record<string, string> = { a: 'x', b: 'x', c: 'y' }

describe('a crash at any point, with or without the local state', () => {
  it('leaves every aggregate equal to the fold over the input: nothing lost, nothing counted twice', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async steps => {
        const driver = drive(pipeline, { commits: 'on demand' })
        for (const [key, name] of Object.entries(names)) driver.pipe('names', key, name)
        const expected = { keys: new Map<string, number>(), sums: new Map<string, number>(), windows: new Map<string, number>() }
        const add = (map: Map<string, number>, key: string, by: number) => map.set(key, (map.get(key) ?? 0) + by)
        for (const each of steps) {
          if (each.kind === 'commit') driver.commit()
          else if (each.kind === 'crash') await driver.crash(each)
          else {
            driver.pipe('in', each.key, each.value, { timestamp: each.timestamp })
            add(expected.keys, each.key, 1)
            add(expected.sums, names[each.key]!, each.value)
            const start = each.timestamp - (each.timestamp % 10)
            add(expected.windows, `${each.key}[${start},${start + 10})`, 1)
          }
        }
        driver.commit()
        const stored = (name: string) => new Map([...driver.store(name).all()].map(({ key, value }) => [key, value]))
        expect(stored('by-key')).toEqual(expected.keys)
        expect(stored('by-name')).toEqual(expected.sums)
        for (const topic of ['keys', 'sums', 'windows'] as const)
          expect(
            new Map(written(driver.read(topic)).map(line => [line.split('=')[0]!, Number(line.split('=')[1]!.split('@')[0])])),
          ).toEqual(expected[topic])
        // The changelogs say the same: whoever takes over finds it.
        await driver.crash({ state: 'lost' })
        expect(stored('by-key')).toEqual(expected.keys)
        expect(stored('by-name')).toEqual(expected.sums)
      }),
      { numRuns: 300 },
    )
  })

  it('is recovered from local state, reading only what is missing', async () => {
    const driver = drive(pipeline, { commits: 'on demand' })
    driver.pipe('names', 'a', 'x')
    for (let i = 0; i < 10; i++) driver.pipe('in', 'a', 1, { timestamp: 1 })
    driver.commit()
    await driver.crash()
    expect(driver.metrics().restored).toBe(0)
    driver.pipe('in', 'a', 1, { timestamp: 1 })
    await driver.crash({ after: 'offsets' })
    // One changed entry each in by-key, by-name and by-window; the table's topic had moved no further.
    expect(driver.metrics().restored).toBe(3)
    await driver.crash({ state: 'lost' })
    expect(driver.metrics().restored).toBeGreaterThan(3)
    expect(driver.store('by-key').get('a')).toBe(11)
  })

  it('takes back in the changelog what was never committed', async () => {
    const driver = drive(app => app.stream('in', texts).pipe(toTable({ name: 'rows' })), { commits: 'on demand' })
    driver.pipe('in', 'a', 'one')
    driver.commit()
    driver.pipe('in', 'a', 'two')
    driver.pipe('in', 'b', 'new')
    await driver.crash({ after: 'output', state: 'lost' })
    const log = driver.log('app-rows-changelog').map(({ key, value }) => `${Buffer.from(key!)}=${value && Buffer.from(value)}`)
    expect(log).toEqual(['a="one"', 'a="two"', 'b="new"', 'a="one"', 'b=null'])
  })
})
