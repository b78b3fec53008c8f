import { isObject, type Json, JsonNumber, type JsonObject, sortedJson, writeJson } from './json.ts'
import { type AvroSchema, type Field, fullName, type NamedSchema } from './schema.ts'

export interface CanonicalOptions {
  /** Sorts properties, members and aliases, drops empty docs and rewrites defaults through their type: the registry's `normalize=true`. */
  readonly normalize?: boolean
}

/**
 * The text that is stored, returned and hashed: Avro Java's own (no white space, known attributes in its order, then others in input order, aliases
 * last, names short within their namespace). Types of references stay names: they are in `external`.
 */
export function canonicalText(
  schema: AvroSchema,
  options: CanonicalOptions = {},
  external: ReadonlySet<string> = new Set(),
): string {
  return new Writer(options.normalize ?? false, external).write(schema, '')
}

class Writer {
  readonly #normalize: boolean
  readonly #written: Set<string>

  constructor(normalize: boolean, external: ReadonlySet<string>) {
    this.#normalize = normalize
    this.#written = new Set(external)
  }

  write(schema: AvroSchema, namespace: string): string {
    switch (schema.kind) {
      case 'union':
        return `[${schema.branches.map(branch => this.write(branch, namespace)).join(',')}]`
      case 'array':
        return `{"type":"array","items":${this.write(schema.items, namespace)}${this.#properties(schema.properties)}}`
      case 'map':
        return `{"type":"map","values":${this.write(schema.values, namespace)}${this.#properties(schema.properties)}}`
      case 'record':
      case 'enum':
      case 'fixed':
        return this.#named(schema, namespace)
      default:
        return schema.properties.size === 0
          ? `"${schema.kind}"`
          : `{"type":"${schema.kind}"${this.#properties(schema.properties)}}`
    }
  }

  #named(schema: NamedSchema, namespace: string): string {
    const full = fullName(schema)
    if (this.#written.has(full)) return JSON.stringify(shortName(full, namespace))
    this.#written.add(full)
    const type = schema.kind === 'record' && schema.isError ? 'error' : schema.kind
    let text = `{"type":"${type}","name":${JSON.stringify(schema.name)}`
    if (schema.namespace !== namespace) text += `,"namespace":${JSON.stringify(schema.namespace)}`
    text += this.#doc(schema.doc)
    if (schema.kind === 'record')
      text += `,"fields":[${schema.fields.map(field => this.#field(field, schema.namespace)).join(',')}]`
    else if (schema.kind === 'fixed') text += `,"size":${schema.size}`
    else {
      text += `,"symbols":[${schema.symbols.map(symbol => JSON.stringify(symbol)).join(',')}]`
      if (schema.default !== null) text += `,"default":${JSON.stringify(schema.default)}`
    }
    return `${text}${this.#properties(schema.properties)}${this.#aliases(schema.aliases.map(alias => shortName(alias, schema.namespace)))}}`
  }

  #field(field: Field, namespace: string): string {
    let text = `{"name":${JSON.stringify(field.name)},"type":${this.write(field.type, namespace)}`
    if (field.doc !== null) text += `,"doc":${JSON.stringify(field.doc)}`
    if (field.default !== undefined)
      text += `,"default":${writeJson(this.#normalize ? normalDefault(field.type, field.default) : field.default)}`
    if (field.order !== 'ascending') text += `,"order":"${field.order}"`
    return `${text}${this.#aliases(field.aliases)}${this.#properties(field.properties)}}`
  }

  #doc(doc: string | null): string {
    return doc === null || (this.#normalize && doc === '') ? '' : `,"doc":${JSON.stringify(doc)}`
  }

  #aliases(aliases: readonly string[]): string {
    if (aliases.length === 0) return ''
    const list = this.#normalize ? [...aliases].sort() : aliases
    return `,"aliases":[${list.map(alias => JSON.stringify(alias)).join(',')}]`
  }

  #properties(properties: JsonObject): string {
    let text = ''
    const list = this.#normalize ? (sortedJson(properties) as JsonObject) : properties
    for (const [name, value] of list) text += `,${JSON.stringify(name)}:${writeJson(value)}`
    return text
  }
}

function shortName(full: string, namespace: string): string {
  const prefix = `${namespace}.`
  if (namespace !== '' && full.startsWith(prefix) && !full.slice(prefix.length).includes('.')) return full.slice(prefix.length)
  return full
}

/** A default as its type writes it: `1` of a double is `1.0`; objects are sorted by name, records in the order of their fields. */
function normalDefault(schema: AvroSchema, value: Json): Json {
  switch (schema.kind) {
    case 'float':
    case 'double':
      return value instanceof JsonNumber && /^-?\d+$/.test(value.text) ? new JsonNumber(`${value.text}.0`) : value
    case 'array':
      return Array.isArray(value) ? value.map(item => normalDefault(schema.items, item)) : value
    case 'map':
      return isObject(value)
        ? sortedJson(new Map([...value].map(([name, item]) => [name, normalDefault(schema.values, item)])))
        : value
    case 'record':
      if (!isObject(value)) return value
      return new Map(
        schema.fields.flatMap(field =>
          value.has(field.name) ? [[field.name, normalDefault(field.type, value.get(field.name)!)]] : [],
        ),
      )
    default:
      return value
  }
}
