import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as declared from '../messages/index.ts'
import { projectValue, randomValue } from '../random-value.ts'
import type { Message } from '../schema.ts'
import { seededRandom } from '../seeded-random.ts'
import { compileReader, type Reader } from './compile-reader.ts'
import { compileWriter, type Writer } from './compile-writer.ts'
import { Input } from './input.ts'
import { interpretReader, interpretWriter } from './interpret.ts'
import { Output } from './output.ts'

const messages = Object.values(declared).filter((value): value is Message<any> => 'fields' in value)

interface Codec {
  readonly form: string
  readonly read: Reader
  readonly write: Writer
}

function codecsOf(message: Message<any>, version: number): Codec[] {
  return [
    { form: 'compiled', read: compileReader(message, version), write: compileWriter(message, version) },
    { form: 'interpreted', read: interpretReader(message, version), write: interpretWriter(message, version) },
  ]
}

function written(write: Writer, value: unknown): Buffer {
  const output = new Output()
  write(output, value)
  return Buffer.concat(output.finish())
}

describe.each(messages.map(message => [message.name, message] as const))('%s', (_, message) => {
  it('reads back what it wrote in every version, compiled and interpreted alike', () => {
    for (let version = message.versions.min; version <= message.versions.max; version++) {
      const [compiled, interpreted] = codecsOf(message, version) as [Codec, Codec]
      const property = fc.property(fc.integer(), seed => {
        const value = randomValue(message, version, seededRandom(seed), { withIgnorable: true })
        const bytes = written(compiled.write, value)
        expect(written(interpreted.write, value).equals(bytes), `version ${version}: both write the same`).toBe(true)
        const expected = projectValue(message, version, value)
        for (const { form, read } of [compiled, interpreted]) {
          const input = new Input(bytes, 0)
          expect(read(input), `version ${version}, ${form}`).toEqual(expected)
          expect(input.position).toBe(bytes.length)
        }
      })
      fc.assert(property, { numRuns: 12 })
    }
  })

  it('writes an empty draft as all defaults wherever the defaults can be written', () => {
    const { max } = message.versions
    for (const { read, write } of codecsOf(message, max)) {
      const bytes = written(write, {})
      const value = read(new Input(bytes, 0))
      expect(written(write, value).equals(bytes)).toBe(true)
    }
  })
})
