import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { dataSets } from './flights-file.ts'

export interface AirportRow {
  readonly iata: string
  readonly name: string
  readonly city: string
  readonly state: string
  readonly country: string
  readonly latitude: number
  readonly longitude: number
}

/** The rows of `airports.csv`. */
export function readAirports(): AirportRow[] {
  const [header, ...rows] = parseCsv(readFileSync(join(dataSets, 'airports.csv'), 'utf8'))
  const at = (name: string) => header!.indexOf(name)
  const [iata, name, city, state, country, latitude, longitude] = [
    'iata',
    'name',
    'city',
    'state',
    'country',
    'latitude',
    'longitude',
  ].map(at)
  return rows.map(row => ({
    iata: row[iata!]!,
    name: row[name!]!,
    city: row[city!]!,
    state: row[state!]!,
    country: row[country!]!,
    latitude: Number(row[latitude!]),
    longitude: Number(row[longitude!]),
  }))
}

/** RFC 4180: commas, quotes, doubled quotes; empty lines are left out. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  const endRow = () => {
    if (row.length > 1 || row[0] !== '') rows.push(row)
    row = []
  }
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    row.push(quoted === undefined ? plain! : quoted.replaceAll('""', '"'))
    if (end !== ',') endRow()
    if (end === '') break
  }
  return rows
}
