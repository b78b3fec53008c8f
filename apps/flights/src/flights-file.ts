import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { asyncBufferFromFile, parquetMetadataAsync, parquetRead } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'

/** A run of flights, column by column, ordered by time. `minuteMs`: departure, milliseconds since the epoch. `delay`: minutes. `distance`: miles. */
export interface FlightColumns {
  readonly count: number
  readonly minuteMs: Float64Array
  readonly delay: Int32Array
  readonly distance: Int32Array
  readonly origin: readonly string[]
  readonly destination: readonly string[]
}

/** The folder of the data sets that the npm package `vega-datasets` carries; its main module is in `build/`. */
export const dataSets = join(dirname(dirname(fileURLToPath(import.meta.resolve('vega-datasets')))), 'data')

/** The flights of `flights-3m.parquet` in order of time, at most `limit` of them: a row group of the file (272,727 rows) at a time. */
export async function* readFlights(limit = Infinity): AsyncGenerator<FlightColumns> {
  const file = await asyncBufferFromFile(join(dataSets, 'flights-3m.parquet'))
  const metadata = await parquetMetadataAsync(file)
  let rowStart = 0
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Math.min(Number(group.num_rows), limit - rowStart)
    if (rowEnd <= rowStart) return
    const columns = emptyColumns(rowEnd - rowStart)
    await parquetRead({
      file,
      metadata,
      compressors,
      rowStart,
      rowEnd,
      // Microseconds as they are: no Date object per row.
      parsers: { timestampFromMicroseconds: (value: bigint) => value as never },
      onChunk: ({ columnName, columnData, rowStart: chunkStart }) => {
        const values = columnData as ArrayLike<bigint> & ArrayLike<string>
        const offset = chunkStart - rowStart
        const end = Math.min(values.length, columns.count - offset)
        const numbers = numberColumns[columnName]
        if (numbers) for (let i = 0; i < end; i++) columns[numbers.name][offset + i] = Number(values[i]) / numbers.divisor
        else for (let i = 0; i < end; i++) columns[columnName as 'origin' | 'destination'][offset + i] = values[i]!
      },
    })
    yield columns
    rowStart = rowEnd
  }
}

const numberColumns: Record<string, { name: 'minuteMs' | 'delay' | 'distance'; divisor: number }> = {
  date: { name: 'minuteMs', divisor: 1000 },
  delay: { name: 'delay', divisor: 1 },
  distance: { name: 'distance', divisor: 1 },
}

function emptyColumns(count: number) {
  return {
    count,
    minuteMs: new Float64Array(count),
    delay: new Int32Array(count),
    distance: new Int32Array(count),
    origin: new Array<string>(count),
    destination: new Array<string>(count),
  } satisfies FlightColumns
}
