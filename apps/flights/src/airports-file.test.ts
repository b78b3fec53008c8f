import { describe, expect, it } from 'vitest'
import { parseCsv, readAirports } from './airports-file.ts'

describe('CSV', () => {
  it.each([
    [
      'a,b\n1,2\n',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    [
      'a,b\r\n1,2',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    ['"a, b",c\n', [['a, b', 'c']]],
    ['"say ""hi""",c', [['say "hi"', 'c']]],
    ['"two\nlines",c\n', [['two\nlines', 'c']]],
    [',b,\n', [['', 'b', '']]],
    ['"",b\n', [['', 'b']]],
    ['\n\na\n\n', [['a']]],
    ['', []],
  ])('%j has the rows %j', (text, rows) => {
    expect(parseCsv(text)).toEqual(rows)
  })
})

describe('the file of airports', () => {
  it('gives each with its code, state and place', () => {
    const airports = readAirports()
    expect(airports).toHaveLength(3376)
    expect(new Set(airports.map(({ iata }) => iata)).size).toBe(3376)
    const chicago = airports.find(({ iata }) => iata === 'ORD')
    expect(chicago).toMatchObject({ state: 'IL', country: 'USA' })
    expect(chicago!.latitude).toBeCloseTo(41.98, 1)
    expect(chicago!.longitude).toBeCloseTo(-87.9, 1)
  })
})
