import { describe, expect, it } from 'vitest'
import { join, leftJoin, type Streams, selectKey, to, toTable } from '../index.ts'
import { drive, texts, written } from '../testing.ts'

function joining(operator: typeof join | typeof leftJoin) {
  return drive(app => {
    const table = app.table('table', texts)
    app.stream('stream', texts).pipe(
      (operator as typeof leftJoin)(table, (left, right, key) => `${left}/${right}/${key}`),
      to('out'),
    )
  })
}

describe('a stream-table join', () => {
  it('takes the row as it is when the record comes, with the record’s time', () => {
    const driver = joining(join)
    driver.pipe('stream', 'k', 'early', { timestamp: 1 })
    driver.pipe('table', 'k', 'row1', { timestamp: 100 })
    driver.pipe('stream', 'k', 'one', { timestamp: 2 })
    driver.pipe('table', 'k', 'row2', { timestamp: 50 })
    driver.pipe('stream', 'k', 'two', { timestamp: 3 })
    driver.pipe('table', 'k', null, { timestamp: 101 })
    driver.pipe('stream', 'k', 'three', { timestamp: 4 })
    expect(written(driver.read('out'))).toEqual(['k=one/row1/k@2', 'k=two/row2/k@3'])
  })

  it('is not triggered by the table', () => {
    const driver = joining(join)
    driver.pipe('stream', 'k', 'x')
    driver.pipe('table', 'k', 'row')
    expect(driver.read('out')).toEqual([])
  })

  it.each([
    ['inner', join, [], 3],
    ['left', leftJoin, ['k=v/null/k@0', 'null=v/null/null@0'], 2],
  ] as const)('%s: what happens without a row, a key or a value', (_, operator, expected, dropped) => {
    const driver = joining(operator)
    driver.pipe('stream', 'k', 'v')
    driver.pipe('stream', null, 'v')
    driver.pipe('stream', 'k', null)
    driver.pipe('table', null, 'row')
    expect(written(driver.read('out'))).toEqual(expected)
    expect(driver.metrics().dropped).toBe(dropped)
  })

  it('sees a table of the same application before it is committed', () => {
    const driver = drive(
      app => {
        const table = app.stream('rows', texts).pipe(toTable())
        app.stream('stream', texts).pipe(
          join(table, (left, right) => left + right),
          to('out'),
        )
      },
      { commits: 'on demand' },
    )
    driver.pipe('rows', 'k', 'row')
    driver.pipe('stream', 'k', 'v')
    expect(written(driver.read('out'))).toEqual(['k=vrow@0'])
  })

  it('by another key goes through a repartition topic, and the result has that key', () => {
    let describe = ''
    const driver = drive(app => {
      const table = app.table('table', texts)
      app.stream('stream', texts).pipe(
        join(table, { by: ({ value }) => value[0]! }, (left, right) => `${left}:${right}`),
        to('out'),
      )
      describe = app.describe()
    })
    expect(describe).toContain('app-stream-table-join-repartition')
    driver.pipe('table', 'x', 'row')
    driver.pipe('stream', 'k', 'xyz', { timestamp: 7 })
    expect(written(driver.read('out'))).toEqual(['x=xyz:row@7'])
  })

  it('of a re-keyed stream repartitions, of one with its own key does not', () => {
    const repartitions = (rekey: boolean) => {
      let described = ''
      drive((app: Streams) => {
        const table = app.table('table', texts)
        const stream = app.stream('stream', texts)
        const left = rekey ? stream.pipe(selectKey(({ value }) => value)) : stream
        left.pipe(join(table, (a, b) => a + b))
        described = app.describe()
      })
      return described.includes('repartition')
    }
    expect(repartitions(true)).toBe(true)
    expect(repartitions(false)).toBe(false)
  })
})
