import { describe, expect, it } from 'vitest'
import type { Totals } from './fold.ts'
import { compareTable, format } from './verification.ts'

const table = (rows: Record<string, [flights: number, delay: number]>): Map<string, Totals> =>
  new Map(Object.entries(rows).map(([key, [flights, delay]]) => [key, { flights, delay }]))

const right = table({ ORD: [3, 10], LAX: [2, -4] })

describe('a derived table beside the expected one', () => {
  it('is equal whatever the order of the rows', () => {
    const comparison = compareTable('t', table({ LAX: [2, -4], ORD: [3, 10] }), right)
    expect(comparison).toMatchObject({
      differenceCount: 0,
      differences: [],
      rows: 2,
      expectedRows: 2,
      flights: 5,
      expectedFlights: 5,
    })
  })

  it.each([
    ['a row is missing', table({ ORD: [3, 10] }), 'LAX is missing'],
    ['a row is too much', table({ ORD: [3, 10], LAX: [2, -4], ZZZ: [1, 1] }), 'ZZZ should not be there'],
    ['a count differs', table({ ORD: [4, 10], LAX: [2, -4] }), 'ORD: 4 flights, 10 minutes instead of 3 flights, 10 minutes'],
    ['a sum differs', table({ ORD: [3, 10], LAX: [2, -3] }), 'LAX: 2 flights, -3 minutes instead of 2 flights, -4 minutes'],
  ])('differs when %s, and says where', (_, actual, words) => {
    const comparison = compareTable('t', actual, right)
    expect(comparison.differenceCount).toBe(1)
    expect(comparison.differences).toEqual([words])
    expect(format([comparison])).toMatch(new RegExp(`^ +t .* 1 rows differ\n +${words}$`, 'm'))
  })

  it('differs even where the sums agree', () => {
    expect(compareTable('t', table({ ORD: [2, -4], LAX: [3, 10] }), right)).toMatchObject({ differenceCount: 2, flights: 5 })
  })

  it('shows the first differences and counts all', () => {
    const many = new Map(Array.from({ length: 1200 }, (_, i) => [`K${i}`, { flights: 1, delay: 0 }]))
    const comparison = compareTable('t', new Map(), many)
    expect(comparison.differences).toHaveLength(5)
    expect(format([comparison])).toContain('1,200 rows differ')
  })
})

describe('the comparison for the terminal', () => {
  it('has a line a table, with rows and flights of both', () => {
    expect(format([compareTable('airport-totals', right, right)]).split('\n')[1]).toBe(
      '  airport-totals            2          2           5           5  equal',
    )
  })
})
