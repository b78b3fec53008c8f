import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it } from 'vitest'
import * as declared from '../messages/index.ts'
import { ProtocolError } from '../protocol-error.ts'
import { randomValue } from '../random-value.ts'
import { array, int8, int32, type Message, message, string, uuid } from '../schema.ts'
import { seededRandom } from '../seeded-random.ts'
import { putUvarint } from '../varint.ts'
import { decode, encodeWhole } from './codec.ts'
import { compileReader } from './compile-reader.ts'
import { Input } from './input.ts'
import { interpretReader } from './interpret.ts'
import { maxArrayElements, maxMessageObjects, maxTaggedFields } from './limits.ts'

const messages = Object.values(declared).filter((value): value is Message<any> => 'fields' in value)

type Outcome = { readonly value: unknown; readonly position: number } | { readonly refusal: string }

/** What reading comes to. Anything thrown but ProtocolError, or the RangeError of a view that ended, is a failure of the test. */
function outcome(read: (input: Input) => unknown, bytes: Uint8Array): Outcome {
  const input = new Input(bytes, 0)
  try {
    return { value: read(input), position: input.position }
  } catch (error) {
    if (error instanceof ProtocolError) return { refusal: error.message }
    if (error instanceof RangeError && /outside the bounds of the DataView/.test(error.message)) return { refusal: 'short' }
    throw error
  }
}

function refusal(message: Message<any>, version: number, bytes: Uint8Array): string {
  try {
    decode(message, version, bytes)
    return 'none'
  } catch (error) {
    return (error as Error).name
  }
}

/** The versions where something changes: first, first flexible, last. */
function notableVersions({ versions, flexibleFrom }: Message<any>): number[] {
  return [...new Set([versions.min, flexibleFrom, versions.max])].filter(
    version => version >= versions.min && version <= versions.max,
  )
}

/** What is put over or into the bytes at each position: counts and lengths that lie, and varints that do not end. */
const attacks: readonly Uint8Array[] = [
  [0xff, 0xff, 0xff, 0xfe],
  [0xff, 0xff, 0xff, 0xff],
  [0, 0, 0, 0],
  [0x7f, 0xff, 0xff, 0xff],
  [0x7f, 0xff],
  [0xff, 0xfe],
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0x1f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
].map(bytes => Uint8Array.from(bytes))

function* mutations(bytes: Uint8Array): Generator<Uint8Array> {
  const step = Math.max(1, Math.floor(bytes.length / 40))
  for (let at = 0; at < bytes.length; at += step) {
    for (const attack of attacks) {
      const over = Buffer.concat([bytes, attack], Math.max(bytes.length, at + attack.length))
      over.set(attack, at)
      yield over
      yield Buffer.concat([bytes.subarray(0, at), attack, bytes.subarray(at)])
    }
    for (const remaining of [bytes.length - at - 4, bytes.length - at - 3]) {
      const over = Buffer.from(bytes)
      if (at + 4 <= bytes.length) over.writeInt32BE(remaining, at)
      yield over
      over[at] = remaining + 4
      yield over
    }
  }
}

describe.each(messages.map(message => [message.name, message] as const))('%s from hostile bytes', (_, message) => {
  it('is a value or a ProtocolError, the same from the compiled and the interpreted reader', () => {
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    try {
      for (const version of notableVersions(message)) {
        const compiled = compileReader(message, version)
        const interpreted = interpretReader(message, version)
        const bytes = encodeWhole(message, version, randomValue(message, version, seededRandom(version + 7)))
        for (const mutant of mutations(bytes)) {
          const [ours, reference] = [outcome(compiled, mutant), outcome(interpreted, mutant)]
          if (!isDeepStrictEqual(ours, reference)) expect(ours, Buffer.from(mutant).toString('hex')).toEqual(reference)
        }
      }
    } finally {
      Error.stackTraceLimit = limit
    }
  })

  it('is a ProtocolError when cut at any byte', () => {
    const accepted: string[] = []
    for (const version of notableVersions(message)) {
      const bytes = encodeWhole(message, version, randomValue(message, version, seededRandom(version + 3)))
      const step = Math.max(1, Math.floor(bytes.length / 300))
      for (let length = 0; length < bytes.length; length += step)
        if (refusal(message, version, bytes.subarray(0, length)) !== 'ProtocolError')
          accepted.push(`version ${version}, ${length} bytes`)
    }
    expect(accepted).toEqual([])
  })
})

const Numbers = message(
  'Numbers',
  { versions: '0-1', flexible: 1 },
  { rows: array({ cells: array(int8()) }), name: string({ nullable: true }) },
)
const Named = message('Named', { versions: '0', flexible: 0 }, { topicId: uuid({ tag: 3 }), size: int32({ tag: 5 }) })

function hex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))
}

describe('a reader', () => {
  const readers = (declaration: Message<any>, version: number) => [
    compileReader(declaration, version),
    interpretReader(declaration, version),
  ]

  it('refuses a count that the bytes left cannot hold, before it makes room for it (CVE-2022-34917)', () => {
    for (const read of readers(Numbers, 0)) {
      expect(outcome(read, hex('7fffffff'))).toEqual({ refusal: expect.stringContaining(`more than ${maxArrayElements}`) })
      expect(outcome(read, hex('0000ffff 00000000'))).toEqual({ refusal: expect.stringContaining('claims 65535 elements') })
      expect(outcome(read, hex('00000002 00000000'))).toEqual({ refusal: expect.stringContaining('claims 2 elements') })
    }
  })

  it('refuses more elements than an array may have although the bytes are there', () => {
    const bytes = new Uint8Array(4 * maxArrayElements + 100)
    new DataView(bytes.buffer).setInt32(0, maxArrayElements + 1)
    for (const read of readers(message('Long', { versions: '0' }, { cells: array(int8()) }), 0))
      expect(outcome(read, bytes)).toEqual({ refusal: expect.stringContaining(`more than ${maxArrayElements}`) })
  })

  it('refuses nested arrays that add up to more objects than a message may have', () => {
    const Nested = message('Nested', { versions: '0' }, { rows: array({ cells: array({ value: int8() }) }) })
    const rows = 3
    const cells = maxMessageObjects / 2
    const bytes = new Uint8Array(4 + rows * (4 + cells))
    const view = new DataView(bytes.buffer)
    view.setInt32(0, rows)
    for (let row = 0; row < rows; row++) view.setInt32(4 + row * (4 + cells), cells)
    for (const read of readers(Nested, 0))
      expect(outcome(read, bytes)).toEqual({ refusal: expect.stringContaining(`more than ${maxMessageObjects} objects`) })
  })

  it('passes over unknown tagged fields without keeping them, however many up to the limit (CVE-2026-111115)', () => {
    const section = (count: number) => {
      const bytes = new Uint8Array(10 + count * 6)
      let end = putUvarint(bytes, 0, count)
      for (let tag = 0; tag < count; tag++) {
        end = putUvarint(bytes, end, tag + 100)
        bytes[end++] = 1
        bytes[end++] = 7
      }
      return bytes.subarray(0, end)
    }
    for (const read of readers(Named, 0)) {
      const bytes = section(maxTaggedFields)
      expect(outcome(read, bytes)).toEqual({ value: { topicId: 'AAAAAAAAAAAAAAAAAAAAAA', size: 0 }, position: bytes.length })
      expect(outcome(read, section(maxTaggedFields + 1))).toEqual({ refusal: expect.stringContaining('tagged fields') })
    }
  })

  it('refuses tags twice, out of order, or with a size that is not that of their content', () => {
    for (const read of readers(Named, 0)) {
      expect(outcome(read, hex('01 05 04 00000009'))).toMatchObject({ value: { size: 9 } })
      expect(outcome(read, hex('02 05 04 00000009 05 04 00000009'))).toEqual({ refusal: expect.stringContaining('out of order') })
      expect(outcome(read, hex('02 07 00 05 04 00000009'))).toEqual({ refusal: expect.stringContaining('out of order') })
      expect(outcome(read, hex('01 05 03 00000009'))).toEqual({ refusal: expect.stringContaining('size') })
      expect(outcome(read, hex('01 05 05 0000000900'))).toEqual({ refusal: expect.stringContaining('size') })
      expect(outcome(read, hex('01 05 7f 00000009'))).toEqual({ refusal: expect.stringContaining('size') })
    }
  })

  it('refuses null where there is none, and lengths below it', () => {
    for (const read of readers(Numbers, 0)) {
      expect(outcome(read, hex('ffffffff 0000'))).toEqual({ refusal: expect.stringContaining('null') })
      expect(outcome(read, hex('fffffffe 0000'))).toEqual({ refusal: expect.stringContaining('length of -2') })
      expect(outcome(read, hex('00000000 fffe'))).toEqual({ refusal: expect.stringContaining('length of -2') })
      expect(outcome(read, hex('00000000 ffff'))).toMatchObject({ value: { rows: [], name: null } })
    }
  })

  it('refuses an int64 beyond 2^53, where a number would no longer be exact', () => {
    expect(() => decode(declared.OffsetCommitValue, 0, hex('0020000000000000 0000 0000000000000000'))).toThrow(/2\^53/)
    expect(decode(declared.OffsetCommitValue, 0, hex('001fffffffffffff 0000 0000000000000000')).offset).toBe(
      Number.MAX_SAFE_INTEGER,
    )
  })

  it('refuses bytes behind the message', () => {
    expect(() => decode(Named, 0, hex('0000'))).toThrow(/1 bytes are left/)
  })
})
