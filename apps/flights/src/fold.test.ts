import { describe, expect, it } from 'vitest'
import { Fold } from './fold.ts'

const hourMs = 3_600_000
const states = new Map([
  ['ORD', 'IL'],
  ['MDW', 'IL'],
  ['LAX', 'CA'],
])

function folded(rows: readonly [minuteMs: number, origin: string, destination: string, delay: number][]): Fold {
  const expected = new Fold(states)
  expected.add({
    count: rows.length,
    minuteMs: Float64Array.from(rows, ([minuteMs]) => minuteMs),
    delay: Int32Array.from(rows, ([, , , delay]) => delay),
    distance: new Int32Array(rows.length),
    origin: rows.map(([, origin]) => origin),
    destination: rows.map(([, , destination]) => destination),
  })
  return expected
}

describe('the expected tables', () => {
  it('total by state and hour, by airport and by route', () => {
    const expected = folded([
      [0, 'ORD', 'LAX', 10],
      [hourMs - 1, 'MDW', 'LAX', -4],
      [hourMs, 'ORD', 'LAX', 1],
      [hourMs, 'LAX', 'ORD', 0],
    ])
    expect(expected.flights).toBe(4)
    expect(Object.fromEntries(expected.stateHours)).toEqual({
      'IL@0': { flights: 2, delay: 6 },
      [`IL@${hourMs}`]: { flights: 1, delay: 1 },
      [`CA@${hourMs}`]: { flights: 1, delay: 0 },
    })
    expect(Object.fromEntries(expected.airports)).toEqual({
      ORD: { flights: 2, delay: 11 },
      MDW: { flights: 1, delay: -4 },
      LAX: { flights: 1, delay: 0 },
    })
    expect(Object.fromEntries(expected.routes)).toEqual({
      'ORD-LAX': { flights: 2, delay: 11 },
      'MDW-LAX': { flights: 1, delay: -4 },
      'LAX-ORD': { flights: 1, delay: 0 },
    })
  })

  it('leave out implausible delays and unknown origins, not unknown destinations', () => {
    const expected = folded([
      [0, 'ORD', 'XXX', 719],
      [0, 'ORD', 'XXX', 720],
      [0, 'ORD', 'XXX', -720],
      [0, 'XXX', 'ORD', 1],
    ])
    expect(expected.flights).toBe(1)
    expect(Object.fromEntries(expected.routes)).toEqual({ 'ORD-XXX': { flights: 1, delay: 719 } })
  })
})
