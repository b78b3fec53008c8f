import { defaultProblem } from './default-value.ts'
import { isObject, type Json, JsonError, JsonNumber, type JsonObject, parseJson, writeJson } from './json.ts'
import {
  type AvroSchema,
  type EnumSchema,
  type Field,
  type FixedSchema,
  fullName,
  isNamed,
  type NamedSchema,
  type PrimitiveName,
  primitiveNames,
  type RecordSchema,
  splitName,
  type UnionSchema,
} from './schema.ts'

/** Why a text is not an Avro schema. */
export class InvalidSchemaError extends Error {}

/**
 * Parses a schema by the rules of Avro Java (strict): names, defaults and unions are checked, forward references inside the document are
 * allowed. `known`: named types of references by full name. Throws InvalidSchemaError.
 */
export function parseSchema(text: string, known: ReadonlyMap<string, NamedSchema> = new Map()): AvroSchema {
  let json: Json
  try {
    json = parseJson(text)
  } catch (error) {
    if (error instanceof JsonError) throw new InvalidSchemaError(`Not JSON: ${error.message}`)
    throw error
  }
  const parser = new SchemaParser(known)
  parser.declare(json, '')
  const schema = parser.parse(json, '')
  parser.checkDefaults()
  return schema
}

/** All named types that a schema defines, by full name: what a schema that refers to it may use. */
export function namedTypes(schema: AvroSchema, into = new Map<string, NamedSchema>()): Map<string, NamedSchema> {
  switch (schema.kind) {
    case 'array':
      return namedTypes(schema.items, into)
    case 'map':
      return namedTypes(schema.values, into)
    case 'union':
      for (const branch of schema.branches) namedTypes(branch, into)
      return into
    case 'record':
      if (into.has(fullName(schema))) return into
      into.set(fullName(schema), schema)
      for (const field of schema.fields) namedTypes(field.type, into)
      return into
    case 'enum':
    case 'fixed':
      return into.set(fullName(schema), schema)
    default:
      return into
  }
}

const namePattern = /^[A-Za-z_][A-Za-z0-9_]*$/
const attributes: Record<string, readonly string[]> = {
  record: ['type', 'name', 'namespace', 'doc', 'fields', 'aliases'],
  error: ['type', 'name', 'namespace', 'doc', 'fields', 'aliases'],
  enum: ['type', 'name', 'namespace', 'doc', 'symbols', 'default', 'aliases'],
  fixed: ['type', 'name', 'namespace', 'doc', 'size', 'aliases'],
  array: ['type', 'items'],
  map: ['type', 'values'],
  field: ['name', 'type', 'doc', 'default', 'order', 'aliases'],
}

class SchemaParser {
  readonly #named: Map<string, NamedSchema>
  readonly #external: ReadonlyMap<string, NamedSchema>
  /** Definitions of the document that are not parsed yet, for forward references. */
  readonly #declared = new Map<string, { json: JsonObject; namespace: string }>()
  readonly #defaults: { where: string; type: AvroSchema; value: Json }[] = []

  constructor(known: ReadonlyMap<string, NamedSchema>) {
    this.#named = new Map(known)
    this.#external = known
  }

  /** Notes where each named type is defined, so that a use may come before. */
  declare(json: Json, namespace: string): void {
    if (Array.isArray(json)) {
      for (const branch of json) this.declare(branch, namespace)
      return
    }
    if (!isObject(json)) return
    const type = json.get('type')
    if (typeof type !== 'string') {
      if (type !== undefined) this.declare(type, namespace)
      return
    }
    if (type === 'array') this.declare(json.get('items') ?? null, namespace)
    else if (type === 'map') this.declare(json.get('values') ?? null, namespace)
    else if (type === 'record' || type === 'error' || type === 'enum' || type === 'fixed') {
      if (typeof json.get('name') !== 'string') return
      const own = this.#ownName(json, namespace)
      if (!this.#declared.has(fullName(own))) this.#declared.set(fullName(own), { json, namespace })
      const fields = json.get('fields')
      if (Array.isArray(fields))
        for (const field of fields) if (isObject(field)) this.declare(field.get('type') ?? null, own.namespace)
    }
  }

  parse(json: Json, namespace: string): AvroSchema {
    if (typeof json === 'string') return this.#byName(json, namespace)
    if (Array.isArray(json)) return this.#union(json, namespace)
    if (!isObject(json)) throw new InvalidSchemaError(`No type: ${writeJson(json)}`)
    const type = json.get('type')
    if (type === undefined) throw new InvalidSchemaError(`No type: ${writeJson(json)}`)
    if (typeof type !== 'string') return this.parse(type, namespace)
    if (isPrimitive(type)) return { kind: type, properties: otherAttributes(json, ['type']) }
    switch (type) {
      case 'record':
      case 'error':
      case 'enum':
      case 'fixed': {
        const own = this.#ownName(json, namespace)
        const defined = this.#named.get(fullName(own))
        // A forward reference has parsed this very definition already.
        if (defined && this.#declared.get(fullName(own)) === undefined)
          throw new InvalidSchemaError(`Can't redefine: ${fullName(own)}`)
        if (defined) return this.#redefined(json, fullName(own), defined)
        return this.#define(json, namespace)
      }
      case 'array':
        return {
          kind: 'array',
          items: this.#part(json, 'items', namespace, 'array'),
          properties: otherAttributes(json, attributes.array!),
        }
      case 'map':
        return {
          kind: 'map',
          values: this.#part(json, 'values', namespace, 'map'),
          properties: otherAttributes(json, attributes.map!),
        }
      default:
        return this.#byName(type, namespace)
    }
  }

  /** Defaults may use named types that were not complete when they were read. */
  checkDefaults(): void {
    for (const { where, type, value } of this.#defaults) {
      const problem = defaultProblem(type, value)
      if (problem) throw new InvalidSchemaError(`Invalid default for field ${where}: ${writeJson(value)} not a ${problem}`)
    }
  }

  /** A forward reference has parsed this very definition already; any other definition of the name is one too many. */
  #redefined(json: JsonObject, name: string, defined: NamedSchema): NamedSchema {
    if (this.#external.has(name) || this.#declared.get(name)?.json !== json)
      throw new InvalidSchemaError(`Can't redefine: ${name}`)
    this.#declared.delete(name)
    return defined
  }

  #byName(name: string, namespace: string): AvroSchema {
    if (isPrimitive(name)) return { kind: name, properties: new Map() }
    const { name: own, namespace: space } = splitName(name, namespace)
    const candidates = name.includes('.') ? [name] : [fullName({ name: own, namespace: space }), name]
    for (const candidate of candidates) {
      const defined = this.#named.get(candidate)
      if (defined) return defined
    }
    for (const candidate of candidates) {
      const declared = this.#declared.get(candidate)
      if (declared) return this.#define(declared.json, declared.namespace)
    }
    throw new InvalidSchemaError(`Undefined name: ${JSON.stringify(name)}`)
  }

  #define(json: JsonObject, namespace: string): NamedSchema {
    const type = json.get('type') as string
    const own = this.#ownName(json, namespace)
    const full = fullName(own)
    checkName(own.name)
    if (own.namespace !== '') for (const part of own.namespace.split('.')) checkName(part)
    if (isPrimitive(full)) throw new InvalidSchemaError(`Schemas may not be named after primitives: ${full}`)
    const doc = json.get('doc')
    const common = {
      ...own,
      doc: typeof doc === 'string' ? doc : null,
      aliases: this.#aliases(json).map(alias => fullName(splitName(alias, own.namespace))),
      properties: otherAttributes(json, attributes[type]!),
    }
    if (type === 'enum') return this.#register(full, this.#enum(json, common))
    if (type === 'fixed') return this.#register(full, this.#fixed(json, common))
    const record: RecordSchema = { kind: 'record', isError: type === 'error', ...common, fields: [] }
    // Registered before its fields are read: they may be of this type.
    this.#register(full, record)
    record.fields = this.#fields(json, record)
    return record
  }

  #register<T extends NamedSchema>(full: string, schema: T): T {
    this.#named.set(full, schema)
    return schema
  }

  #enum(json: JsonObject, common: Omit<EnumSchema, 'kind' | 'symbols' | 'default'>): EnumSchema {
    const symbols = json.get('symbols')
    if (!Array.isArray(symbols)) throw new InvalidSchemaError(`Enum has no symbols: ${writeJson(json)}`)
    const seen = new Set<string>()
    for (const symbol of symbols) {
      if (typeof symbol !== 'string') throw new InvalidSchemaError(`Illegal enum symbol: ${writeJson(symbol)}`)
      checkName(symbol)
      if (seen.has(symbol)) throw new InvalidSchemaError(`Duplicate enum symbol: ${symbol}`)
      seen.add(symbol)
    }
    const fallback = json.get('default')
    if (fallback !== undefined && (typeof fallback !== 'string' || !seen.has(fallback))) {
      throw new InvalidSchemaError(
        `The Enum Default: ${writeJson(fallback)} is not in the enum symbol set: ${[...seen].join(', ')}`,
      )
    }
    return { kind: 'enum', ...common, symbols: [...seen], default: (fallback as string | undefined) ?? null }
  }

  #fixed(json: JsonObject, common: Omit<FixedSchema, 'kind' | 'size'>): FixedSchema {
    const size = json.get('size')
    if (!(size instanceof JsonNumber) || !/^\d+$/.test(size.text) || Number(size.text) > 2 ** 31 - 1) {
      throw new InvalidSchemaError(`Invalid or no size: ${writeJson(json)}`)
    }
    return { kind: 'fixed', ...common, size: Number(size.text) }
  }

  #fields(json: JsonObject, record: RecordSchema): Field[] {
    const list = json.get('fields')
    if (!Array.isArray(list)) throw new InvalidSchemaError(`Record has no fields: ${writeJson(json)}`)
    const seen = new Set<string>()
    return list.map(item => {
      if (!isObject(item)) throw new InvalidSchemaError(`Field is not an object: ${writeJson(item)}`)
      const name = item.get('name')
      if (typeof name !== 'string') throw new InvalidSchemaError(`No field name: ${writeJson(item)}`)
      checkName(name)
      if (seen.has(name)) throw new InvalidSchemaError(`Duplicate field ${name} in record ${fullName(record)}`)
      seen.add(name)
      const type = item.get('type')
      if (type === undefined) throw new InvalidSchemaError(`No field type: ${writeJson(item)}`)
      return this.#field(item, name, this.parse(type, record.namespace), record)
    })
  }

  #field(json: JsonObject, name: string, type: AvroSchema, record: RecordSchema): Field {
    const doc = json.get('doc')
    const order = json.get('order')
    const lowerCased = typeof order === 'string' ? order.toLowerCase() : 'ascending'
    if (lowerCased !== 'ascending' && lowerCased !== 'descending' && lowerCased !== 'ignore') {
      throw new InvalidSchemaError(`Illegal order of field ${name}: ${writeJson(order!)}`)
    }
    const value = json.get('default')
    if (value !== undefined) this.#defaults.push({ where: `${fullName(record)}.${name}`, type, value })
    return {
      name,
      type,
      doc: typeof doc === 'string' ? doc : null,
      default: value,
      order: lowerCased,
      aliases: this.#aliases(json),
      properties: otherAttributes(json, attributes.field!),
    }
  }

  #union(json: Json[], namespace: string): UnionSchema {
    const branches = json.map(branch => this.parse(branch, namespace))
    const seen = new Set<string>()
    for (const branch of branches) {
      if (branch.kind === 'union') throw new InvalidSchemaError(`Nested union: ${writeJson(json)}`)
      const name = isNamed(branch) ? fullName(branch) : branch.kind
      if (seen.has(name)) throw new InvalidSchemaError(`Duplicate in union: ${name}`)
      seen.add(name)
    }
    return { kind: 'union', branches }
  }

  #part(json: JsonObject, name: 'items' | 'values', namespace: string, kind: string): AvroSchema {
    const part = json.get(name)
    if (part === undefined)
      throw new InvalidSchemaError(
        `${kind === 'array' ? 'Array has no items type' : 'Map has no values type'}: ${writeJson(json)}`,
      )
    return this.parse(part, namespace)
  }

  #ownName(json: JsonObject, enclosing: string): { name: string; namespace: string } {
    const name = json.get('name')
    if (typeof name !== 'string') throw new InvalidSchemaError(`No name in schema: ${writeJson(json)}`)
    const namespace = json.get('namespace')
    return splitName(name, typeof namespace === 'string' ? namespace : enclosing)
  }

  #aliases(json: JsonObject): string[] {
    const aliases = json.get('aliases')
    if (aliases === undefined) return []
    if (!Array.isArray(aliases) || !aliases.every(alias => typeof alias === 'string')) {
      throw new InvalidSchemaError(`aliases not an array of text: ${writeJson(json)}`)
    }
    return [...new Set(aliases as string[])]
  }
}

function isPrimitive(name: string): name is PrimitiveName {
  return (primitiveNames as readonly string[]).includes(name)
}

function checkName(name: string): void {
  if (name === '') throw new InvalidSchemaError('Empty name')
  if (!namePattern.test(name)) throw new InvalidSchemaError(`Illegal character in: ${name}`)
}

function otherAttributes(json: JsonObject, known: readonly string[]): JsonObject {
  const others: JsonObject = new Map()
  for (const [name, value] of json) if (!known.includes(name)) others.set(name, value)
  return others
}
