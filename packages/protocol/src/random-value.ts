import type { Random } from '@millrace/runtime'
import { defaultValue, isNullable, isPresent, membersOf } from './codec/layout.ts'
import type { Field, Fields, Message } from './schema.ts'

/** Where random values come from: `World.random`, or a seeded generator of a test. */
export type RandomSource = Pick<Random, 'below' | 'float'>

/**
 * A random value that this version of a message can carry, every field filled in. Boundary values and nulls are frequent; arrays
 * are short. Fields that the version lacks have their default, unless `withIgnorable`: then ignorable ones may have any value,
 * which encoding drops.
 */
export function randomValue<T>(
  message: Message<T>,
  version: number,
  random: RandomSource,
  options: { withIgnorable?: boolean } = {},
): T {
  return new Generator(version, random, options.withIgnorable ?? false).struct(message.fields, 0) as T
}

/** What is left of a value when this version has carried it: fields that the version lacks fall back to their defaults. */
export function projectValue<T>(message: Message<T>, version: number, value: T): T {
  return projectStruct(message.fields, version, value) as T
}

function projectStruct(fields: Fields, version: number, value: any): any {
  const projected: Record<string, unknown> = {}
  for (const { name, field } of membersOf(fields))
    projected[name] = isPresent(field, version) ? projectField(field, version, value[name]) : defaultValue(field)
  return projected
}

function projectField(field: Field<any>, version: number, value: any): any {
  if (value === null) return null
  if (field.kind === 'array') return value.map((element: unknown) => projectField(field.element!, version, element))
  return field.kind === 'struct' ? projectStruct(field.fields!, version, value) : value
}

const integers: Readonly<Record<string, readonly number[]>> = {
  int8: [0, 1, -1, 2, 127, -128],
  int16: [0, 1, -1, 127, 128, 32767, -32768],
  uint16: [0, 1, 32767, 32768, 65535],
  int32: [0, 1, -1, 127, 128, 65536, 2147483647, -2147483648],
  uint32: [0, 1, 2147483648, 4294967295],
  int64: [0, 1, -1, 127, 128, 4294967295, 4294967296, -4294967296, -4294967297, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
}

const texts = [
  '',
  'a',
  'topic-1',
  'ünïcödé',
  '日本',
  '😀',
  'x'.repeat(23),
  'y'.repeat(24),
  'z'.repeat(25),
  'é'.repeat(24),
  'w'.repeat(126),
  'v'.repeat(127),
  'ñ'.repeat(64),
  'u'.repeat(300),
]
const byteSizes = [0, 1, 2, 126, 127, 128, 1023, 1024, 1025, 5000]
const base64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

class Generator {
  readonly #version: number
  readonly #random: RandomSource
  readonly #withIgnorable: boolean

  constructor(version: number, random: RandomSource, withIgnorable: boolean) {
    this.#version = version
    this.#random = random
    this.#withIgnorable = withIgnorable
  }

  struct(fields: Fields, depth: number): Record<string, unknown> {
    const value: Record<string, unknown> = {}
    for (const { name, field } of membersOf(fields)) value[name] = this.#member(field, depth)
    return value
  }

  #member(field: Field<any>, depth: number): unknown {
    const present = isPresent(field, this.#version)
    if (!present && !(field.ignorable && this.#withIgnorable)) return defaultValue(field)
    // A tagged field at its default is left out: a path of its own.
    if (this.#random.below(4) === 0)
      return present && field.default === null && !isNullable(field, this.#version)
        ? this.#value(field, depth)
        : defaultValue(field)
    if (present && isNullable(field, this.#version) && this.#random.below(4) === 0) return null
    return this.#value(field, depth)
  }

  #value(field: Field<any>, depth: number): unknown {
    switch (field.kind) {
      case 'bool':
        return this.#random.below(2) === 0
      case 'float64':
        return this.#pick([0, 1.5, -2.25, Number.MAX_VALUE, Number.MIN_VALUE, Infinity, this.#random.float()])
      case 'uuid':
        return this.#uuid()
      case 'string':
        return this.#pick(texts)
      case 'bytes':
      case 'records':
        return Uint8Array.from({ length: this.#pick(byteSizes) }, () => this.#random.below(256))
      case 'array': {
        const length = this.#pick(depth === 0 ? [0, 1, 2, 3, 5] : [0, 1, 1, 2])
        const elements = Array.from({ length }, () => this.#value(field.element!, depth + 1))
        return withoutDuplicates(field.element!, this.#version, elements)
      }
      case 'struct':
        return this.struct(field.fields!, depth + 1)
      default:
        return this.#integer(field)
    }
  }

  #integer(field: Field<any>): number {
    if (field.unbounded && this.#random.below(3) === 0) return Infinity
    const bounds = integers[field.kind]!
    if (this.#random.below(2) === 0) return this.#pick(bounds)
    const [low, high] = [Math.min(...bounds), Math.max(...bounds)]
    return Math.min(high, Math.floor(low + this.#random.float() * (high - low)))
  }

  #uuid(): string {
    if (this.#random.below(4) === 0) return 'AAAAAAAAAAAAAAAAAAAAAA'
    let text = ''
    for (let i = 0; i < 21; i++) text += base64[this.#random.below(64)]
    return text + base64[this.#random.below(4) * 16]
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[this.#random.below(choices.length)]!
  }
}

/** An array whose elements have key fields is a set: no two elements have the same key. */
function withoutDuplicates(element: Field<any>, version: number, elements: any[]): unknown[] {
  const keys = membersOf(element.fields ?? {}).filter(({ field }) => field.mapKey)
  if (keys.length === 0) return elements
  const seen = new Set<string>()
  return elements.filter(value => {
    const projected = projectField(element, version, value)
    const key = JSON.stringify(keys.map(({ name }) => projected[name]))
    return !seen.has(key) && seen.add(key)
  })
}
