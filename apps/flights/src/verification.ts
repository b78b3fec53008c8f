import type { Fold, Totals } from './fold.ts'
import type { LiveTables } from './live-tables.ts'

export interface TableComparison {
  readonly table: string
  readonly expectedRows: number
  readonly rows: number
  readonly flights: number
  readonly expectedFlights: number
  /** The first differences, in words. */
  readonly differences: readonly string[]
  readonly differenceCount: number
}

const shownDifferences = 5

/** Compares each derived table with the fold over the file, row by row. */
export function compare(tables: LiveTables, expected: Fold): TableComparison[] {
  return [
    compareTable('delays-by-state', tables.stateHours, expected.stateHours),
    compareTable('airport-totals', tables.airports, expected.airports),
    compareTable('route-totals', tables.routes, expected.routes),
  ]
}

export function compareTable(
  table: string,
  actual: ReadonlyMap<string, Totals>,
  expected: ReadonlyMap<string, Totals>,
): TableComparison {
  const differences: string[] = []
  let differenceCount = 0
  const differ = (text: string) => {
    if (differenceCount++ < shownDifferences) differences.push(text)
  }
  for (const [key, want] of expected) {
    const have = actual.get(key)
    if (!have) differ(`${key} is missing`)
    else if (have.flights !== want.flights || have.delay !== want.delay)
      differ(`${key}: ${words(have)} instead of ${words(want)}`)
  }
  for (const key of actual.keys()) if (!expected.has(key)) differ(`${key} should not be there`)
  return {
    table,
    expectedRows: expected.size,
    rows: actual.size,
    flights: total(actual),
    expectedFlights: total(expected),
    differences,
    differenceCount,
  }
}

/** The comparison as a table for the terminal. */
export function format(comparisons: readonly TableComparison[]): string {
  const number = (value: number) => value.toLocaleString('en-US').padStart(11)
  const lines = ['  table                  rows   expected     flights    expected']
  for (const { table, rows, expectedRows, flights, expectedFlights, differenceCount, differences } of comparisons) {
    const verdict = differenceCount === 0 ? 'equal' : `${differenceCount.toLocaleString('en-US')} rows differ`
    lines.push(
      `  ${table.padEnd(16)}${number(rows)}${number(expectedRows)} ${number(flights)} ${number(expectedFlights)}  ${verdict}`,
    )
    for (const difference of differences) lines.push(`      ${difference}`)
  }
  return lines.join('\n')
}

function words({ flights, delay }: Totals): string {
  return `${flights} flights, ${delay} minutes`
}

function total(table: ReadonlyMap<string, Totals>): number {
  let sum = 0
  for (const { flights } of table.values()) sum += flights
  return sum
}
