import { textLogger } from '@millrace/runtime'
import { describe, expect, it } from 'vitest'
import { aggregate, groupByKey, join, json, mapValues, peek, type Streams, selectKey, to } from '../index.ts'
import { drive, numbers, written } from '../testing.ts'

const failOn = (value: number | null): number => {
  if (value === 2) throw new Error('no twos')
  return value ?? 0
}
const stages: [string, (app: Streams) => void][] = [
  ['mapValues', app => app.stream('in', numbers).pipe(mapValues(failOn), to('out'))],
  [
    'selectKey',
    app =>
      app.stream('in', numbers).pipe(
        selectKey(({ value }) => String(failOn(value))),
        to('out'),
      ),
  ],
  [
    'peek',
    app =>
      app.stream('in', numbers).pipe(
        peek(({ value }) => void failOn(value)),
        to('out'),
      ),
  ],
  ['join', app => app.stream('in', numbers).pipe(join(app.table('rows', numbers), failOn), to('out'))],
  [
    'aggregate',
    app =>
      app.stream('in', numbers).pipe(
        groupByKey(),
        aggregate(
          () => 0,
          (sum, { value }) => sum + failOn(value),
        ),
        to('out'),
      ),
  ],
]

describe.each(stages)('a function that throws in %s', (_, build) => {
  const feed = (driver: ReturnType<typeof drive>, ...values: number[]) => {
    if (build.toString().includes('table')) driver.pipe('rows', 'a', 0)
    for (const value of values) driver.pipe('in', 'a', value)
  }

  it('fails the task by default, with the record’s place and what was thrown', () => {
    const driver = drive(build)
    expect(() => feed(driver, 1, 2)).toThrow(
      /processing failed in KSTREAM-\S+ for in-0 at offset 1: no twos.*processingHandler: 'continue'/,
    )
  })

  it('drops that record alone with continue, and leaves state as it was', () => {
    const driver = drive(build, { processingHandler: 'continue' })
    feed(driver, 1, 2, 3)
    expect(driver.read('out')).toHaveLength(2)
    expect(driver.metrics().dropped).toBe(1)
  })
})

describe('a record that fails', () => {
  it('in one branch goes on in the others', () => {
    const driver = drive(
      app => {
        const stream = app.stream('in', numbers)
        stream.pipe(mapValues(failOn), to('one'))
        stream.pipe(to('two'))
      },
      { processingHandler: 'continue' },
    )
    driver.pipe('in', 'a', 2)
    expect(driver.read('one')).toEqual([])
    expect(written(driver.read('two'))).toEqual(['a=2@0'])
  })

  it('is told to the handler and to the log, without its content', () => {
    const lines: string[] = []
    const told: unknown[] = []
    const driver = drive(app => app.stream('in', numbers).pipe(mapValues(failOn), to('out')), {
      logger: textLogger(
        () => 0,
        line => lines.push(line),
      ),
      processingHandler: (error, context) => {
        told.push((error as Error).message, context)
        return 'continue'
      },
    })
    driver.pipe('in', 'secret-key', 2)
    expect(told).toEqual([
      'no twos',
      { taskId: '0_0', node: 'KSTREAM-MAPVALUES-0000000001', topic: 'in', partition: 0, offset: 0 },
    ])
    expect(lines.join()).toMatch(/record skipped.*stage=processing.*offset=0/)
    expect(lines.join()).not.toContain('secret')
  })

  it('to be read fails the task, or is skipped: its own handler says', () => {
    const build = (app: Streams) => void app.stream('in', numbers).pipe(to('out'))
    expect(() => drive(build).pipeBytes('in', Buffer.from('a'), Buffer.from('{'))).toThrow(
      /deserialization failed in KSTREAM-SOURCE-0000000000 for in-0 at offset 0: The value can't be read/,
    )
    const driver = drive(build, { deserializationHandler: 'continue' })
    driver.pipeBytes('in', Buffer.from('a'), Buffer.from('{'))
    driver.pipe('in', 'a', 1)
    expect(written(driver.read('out'))).toEqual(['a=1@0'])
    expect(driver.metrics().dropped).toBe(1)
  })

  it('to be written fails the task, or is skipped: its own handler says', () => {
    const picky = { ...json<number>(), serialize: (_: string, value: number) => Buffer.from(String(failOn(value))) }
    const build = (app: Streams) => void app.stream('in', numbers).pipe(to('out', { value: picky }))
    expect(() => drive(build).pipe('in', 'a', 2)).toThrow(
      /production failed in KSTREAM-SINK-0000000001 for in-0 at offset 0: no twos/,
    )
    const driver = drive(build, { productionHandler: 'continue' })
    for (const value of [1, 2, 3]) driver.pipe('in', 'a', value)
    expect(driver.read('out')).toHaveLength(2)
  })
})
