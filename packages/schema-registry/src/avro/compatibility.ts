import {
  type AvroSchema,
  type EnumSchema,
  type Field,
  type FixedSchema,
  fullName,
  type NamedSchema,
  type RecordSchema,
} from './schema.ts'

export type IncompatibilityKind =
  | 'NAME_MISMATCH'
  | 'FIXED_SIZE_MISMATCH'
  | 'MISSING_ENUM_SYMBOLS'
  | 'READER_FIELD_MISSING_DEFAULT_VALUE'
  | 'TYPE_MISMATCH'
  | 'MISSING_UNION_BRANCH'

export interface Incompatibility {
  readonly kind: IncompatibilityKind
  /** JSON pointer into the reader's schema. */
  readonly location: string
  readonly message: string
}

/** Why data written with `writer` cannot be read with `reader`; empty when it can. Avro Java's rules, names compared without their namespace. */
export function incompatibilities(reader: AvroSchema, writer: AvroSchema): Incompatibility[] {
  return new Comparison().compare(reader, writer, '')
}

/** Types that a reader takes beside its own. */
const promotions: Record<string, readonly string[]> = {
  long: ['int'],
  float: ['int', 'long'],
  double: ['int', 'long', 'float'],
  string: ['bytes'],
  bytes: ['string'],
}

class Comparison {
  /** Pairs that are compared already, or being compared: a recursive pair counts as compatible while it is. */
  readonly #known = new Map<AvroSchema, Map<AvroSchema, Incompatibility[]>>()

  compare(reader: AvroSchema, writer: AvroSchema, location: string): Incompatibility[] {
    let ofReader = this.#known.get(reader)
    if (!ofReader) this.#known.set(reader, (ofReader = new Map()))
    const known = ofReader.get(writer)
    if (known) return known
    ofReader.set(writer, [])
    const found = this.#compare(reader, writer, location)
    ofReader.set(writer, found)
    return found
  }

  #compare(reader: AvroSchema, writer: AvroSchema, location: string): Incompatibility[] {
    if (reader.kind === 'union') return this.#readUnion(reader.branches, writer, location)
    // Every branch of the writer may come, so each must be readable.
    if (writer.kind === 'union') return writer.branches.flatMap((branch, i) => this.compare(reader, branch, `${location}/${i}`))
    if (reader.kind !== writer.kind)
      return promotions[reader.kind]?.includes(writer.kind) ? [] : [typeMismatch(reader, writer, location)]
    switch (reader.kind) {
      case 'array':
        return this.compare(reader.items, (writer as typeof reader).items, `${location}/items`)
      case 'map':
        return this.compare(reader.values, (writer as typeof reader).values, `${location}/values`)
      case 'fixed':
        return [
          ...nameMismatch(reader, writer as FixedSchema, location),
          ...sizeMismatch(reader, writer as FixedSchema, location),
        ]
      case 'enum':
        return [
          ...nameMismatch(reader, writer as EnumSchema, location),
          ...missingSymbols(reader, writer as EnumSchema, location),
        ]
      case 'record':
        return [
          ...nameMismatch(reader, writer as RecordSchema, location),
          ...this.#readFields(reader, writer as RecordSchema, location),
        ]
      default:
        return []
    }
  }

  #readUnion(branches: readonly AvroSchema[], writer: AvroSchema, location: string): Incompatibility[] {
    const written = writer.kind === 'union' ? writer.branches : [writer]
    return written.flatMap((branch, i) => {
      const readable = branches.some(candidate => this.compare(candidate, branch, '').length === 0)
      if (readable) return []
      const message = `reader union lacking writer type: ${branch.kind.toUpperCase()}`
      return [
        { kind: 'MISSING_UNION_BRANCH', location: writer.kind === 'union' ? `${location}/${i}` : location, message } as const,
      ]
    })
  }

  #readFields(reader: RecordSchema, writer: RecordSchema, location: string): Incompatibility[] {
    return reader.fields.flatMap((field, i): Incompatibility[] => {
      const written = writtenField(field, writer)
      if (written) return this.compare(field.type, written.type, `${location}/fields/${i}/type`)
      if (field.default !== undefined) return []
      if (field.type.kind === 'enum' && field.type.default !== null)
        return [typeMismatch(field.type, writer, `${location}/fields/${i}`)]
      return [{ kind: 'READER_FIELD_MISSING_DEFAULT_VALUE', location: `${location}/fields/${i}`, message: field.name }]
    })
  }
}

/** Two writer's fields that fit one reader's field: Avro Java gives up here as well. */
export class AmbiguousFieldError extends Error {}

function writtenField(field: Field, writer: RecordSchema): Field | undefined {
  const names = [field.name, ...field.aliases]
  const found = writer.fields.filter(candidate => names.includes(candidate.name))
  if (found.length > 1)
    throw new AmbiguousFieldError(
      `Reader record field ${field.name} matches multiple fields in writer record schema ${writer.name}`,
    )
  return found[0]
}

function nameMismatch(reader: NamedSchema, writer: NamedSchema, location: string): Incompatibility[] {
  if (reader.name === writer.name || reader.aliases.includes(fullName(writer))) return []
  return [{ kind: 'NAME_MISMATCH', location: `${location}/name`, message: `expected: ${fullName(writer)}` }]
}

function sizeMismatch(reader: FixedSchema, writer: FixedSchema, location: string): Incompatibility[] {
  if (reader.size === writer.size) return []
  return [
    { kind: 'FIXED_SIZE_MISMATCH', location: `${location}/size`, message: `expected: ${writer.size}, found: ${reader.size}` },
  ]
}

function missingSymbols(reader: EnumSchema, writer: EnumSchema, location: string): Incompatibility[] {
  const missing = writer.symbols.filter(symbol => !reader.symbols.includes(symbol))
  if (missing.length === 0 || (reader.default !== null && reader.symbols.includes(reader.default))) return []
  return [{ kind: 'MISSING_ENUM_SYMBOLS', location: `${location}/symbols`, message: `[${missing.join(', ')}]` }]
}

function typeMismatch(reader: AvroSchema, writer: AvroSchema, location: string): Incompatibility {
  return {
    kind: 'TYPE_MISMATCH',
    location,
    message: `reader type: ${reader.kind.toUpperCase()} not compatible with writer type: ${writer.kind.toUpperCase()}`,
  }
}
