import { isObject, type Json, JsonNumber } from './json.ts'
import { type AvroSchema, type Field, fullName, isNamed, type NamedSchema } from './schema.ts'

export interface CodecOptions {
  /** The schema of the reader: named types take its namespace where the short names agree, as Avro Java compares names without their namespace, avsc with it. */
  readonly target?: AvroSchema
  /**
   * The schema is to resolve what other schemas wrote: a union's branches are put in the order in which avsc takes the default (first branch). Such a
   * type must not encode.
   */
  readonly forResolving?: boolean
}

/** The schema as the codec (avsc) gets it: names, types and what resolution needs, without what avsc judges more strictly than Avro Java. */
export function codecSchema(schema: AvroSchema, { target, forResolving = false }: CodecOptions = {}): unknown {
  const renamed = new Map<string, string>()
  if (target) for (const name of namesOf(target)) renamed.set(name.slice(name.lastIndexOf('.') + 1), name)
  return new Converter(renamed, forResolving).convert(schema)
}

class Converter {
  readonly #renamed: ReadonlyMap<string, string>
  readonly #forResolving: boolean
  readonly #written = new Set<string>()

  constructor(renamed: ReadonlyMap<string, string>, forResolving: boolean) {
    this.#renamed = renamed
    this.#forResolving = forResolving
  }

  convert(schema: AvroSchema): unknown {
    switch (schema.kind) {
      case 'array':
        return { type: 'array', items: this.convert(schema.items) }
      case 'map':
        return { type: 'map', values: this.convert(schema.values) }
      case 'union':
        return schema.branches.map(branch => this.convert(branch))
      case 'record':
      case 'enum':
      case 'fixed':
        return this.#named(schema)
      default:
        return schema.kind
    }
  }

  #named(schema: NamedSchema): unknown {
    const own = fullName(schema)
    const name = this.#renamed.get(schema.name) ?? own
    if (this.#written.has(own)) return name
    this.#written.add(own)
    const common = { name, namespace: '', aliases: schema.aliases }
    if (schema.kind === 'fixed') return { type: 'fixed', ...common, size: schema.size }
    if (schema.kind === 'enum') {
      return { type: 'enum', ...common, symbols: schema.symbols, ...(schema.default === null ? {} : { default: schema.default }) }
    }
    return {
      type: 'record',
      ...common,
      fields: schema.fields.map(field => ({ name: field.name, aliases: field.aliases, ...this.#fieldType(field) })),
    }
  }

  #fieldType({ type, default: value }: Field): { type: unknown; default?: unknown } {
    const converted = this.convert(type)
    if (value === undefined || !this.#forResolving) return { type: converted }
    if (type.kind !== 'union') return { type: converted, default: plain(value) }
    const first = type.branches.findIndex(branch => plainlyFits(branch, value))
    const branches = converted as unknown[]
    return { type: [branches[first], ...branches.filter((_, i) => i !== first)], default: plain(value) }
  }
}

function plainlyFits(branch: AvroSchema, value: Json): boolean {
  if (value === null) return branch.kind === 'null'
  if (typeof value === 'boolean') return branch.kind === 'boolean'
  if (typeof value === 'string') return ['string', 'bytes', 'enum', 'fixed'].includes(branch.kind)
  if (value instanceof JsonNumber) return ['int', 'long', 'float', 'double'].includes(branch.kind)
  return Array.isArray(value) ? branch.kind === 'array' : branch.kind === 'record' || branch.kind === 'map'
}

function plain(value: Json): unknown {
  if (value instanceof JsonNumber) return Number(value.text)
  if (Array.isArray(value)) return value.map(plain)
  if (isObject(value)) return Object.fromEntries([...value].map(([name, member]) => [name, plain(member)]))
  return value
}

function namesOf(schema: AvroSchema, into = new Set<string>()): Set<string> {
  if (isNamed(schema)) {
    if (into.has(fullName(schema))) return into
    into.add(fullName(schema))
    if (schema.kind === 'record') for (const field of schema.fields) namesOf(field.type, into)
  } else if (schema.kind === 'array') namesOf(schema.items, into)
  else if (schema.kind === 'map') namesOf(schema.values, into)
  else if (schema.kind === 'union') for (const branch of schema.branches) namesOf(branch, into)
  return into
}
