import {
  BatchBuilder,
  BatchView,
  type CompressionCodec,
  compress,
  crc32c,
  decompress,
  validateProduced,
} from '@millrace/protocol'

/** Record batches without a network: `node bench/src/micro/batches.ts [SECONDS]`. Each line is the best of five rounds. */
const roundMs = (Number(process.argv[2] ?? 1) * 1000) / 5

function best(countPerCall: number, call: () => void): number {
  let most = 0
  for (let round = 0; round < 5; round++) {
    const start = performance.now()
    let calls = 0
    let spent = 0
    do {
      for (let i = 0; i < 20; i++) call()
      calls += 20
      spent = performance.now() - start
    } while (spent < roundMs)
    most = Math.max(most, (calls * countPerCall) / spent / 1000)
  }
  return most
}

function print(name: string, perSecond: number, unit: string): void {
  console.log(`${name.padEnd(48)} ${perSecond.toFixed(1).padStart(8)} ${unit}`)
}

const records = 100
const timestamp = 1_700_000_000_000
const builder = new BatchBuilder({ maxBytes: 2 ** 20 })
const ascii = Array.from({ length: records }, (_, i) => `${i} `.padEnd(100, 'a value of plain text '))
const wide = ascii.map(text => `é${text.slice(2)}`)
const buffers = ascii.map(text => Buffer.from(text))
const large = ascii.map(text => text.repeat(10))
const headers = [
  { key: 'trace', value: 'b7ad6b7169203331' },
  { key: 'kind', value: 'order' },
]

function encode(values: readonly (string | Buffer)[], withHeaders = false): Uint8Array {
  builder.reset()
  for (let i = 0; i < values.length; i++) builder.append(timestamp + i, null, values[i]!, withHeaders ? headers : undefined)
  return builder.build()
}

let touched = 0
function decodeLazily(bytes: Uint8Array): void {
  const cursor = BatchView.at(bytes, 0)!.records()
  while (cursor.next()) touched += cursor.valueLength
}
function decodeViews(bytes: Uint8Array): void {
  const cursor = BatchView.at(bytes, 0)!.records()
  while (cursor.next()) touched += cursor.value()!.length
}

print(
  'encode 100 × 100 B, text',
  best(records, () => encode(ascii)),
  'M records/s',
)
print(
  'encode 100 × 100 B, bytes',
  best(records, () => encode(buffers)),
  'M records/s',
)
print(
  'encode 100 × 100 B, text outside ASCII',
  best(records, () => encode(wide)),
  'M records/s',
)
print(
  'encode 100 × 100 B, text, 2 headers',
  best(records, () => encode(ascii, true)),
  'M records/s',
)
print(
  'encode 100 × 1 KB, text',
  best(records, () => encode(large)),
  'M records/s',
)
print(
  'encode 1 × 100 B, text',
  best(1, () => encode([ascii[0]!])),
  'M records/s',
)
const batch = Buffer.from(encode(ascii))
print(
  'decode 100 × 100 B, positions',
  best(records, () => decodeLazily(batch)),
  'M records/s',
)
print(
  'decode 100 × 100 B, a view of each value',
  best(records, () => decodeViews(batch)),
  'M records/s',
)
print(
  'check as produced, 100 × 100 B',
  best(records, () => validateProduced(batch, { maxMessageBytes: 2 ** 20 }, timestamp)),
  'M records/s',
)
for (const size of [200, 16 * 1024, 1024 * 1024]) {
  const bytes = Buffer.alloc(size, 'some bytes ')
  print(`CRC-32C of ${size} B`, best(size, () => (touched += crc32c(bytes))) / 1000, 'GB/s')
}
const events = Buffer.from(
  JSON.stringify(
    Array.from({ length: 2000 }, (_, id) => ({
      id,
      user: `user-${(id * 7919) % 977}`,
      at: timestamp + id * 37,
      state: 'delivered',
    })),
  ),
)
for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] satisfies CompressionCodec[]) {
  const bytes = events.subarray(0, 128 * 1024)
  const packed = compress(codec, bytes)
  print(
    `${codec}: compress 128 KB to ${packed.length} B`,
    best(bytes.length, () => compress(codec, bytes)),
    'MB/s',
  )
  print(
    `${codec}: decompress`,
    best(bytes.length, () => decompress(codec, packed, bytes.length)),
    'MB/s',
  )
}
if (touched === 0) throw new Error('nothing was read')
