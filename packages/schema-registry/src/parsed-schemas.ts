import { canonicalText } from './avro/canonical.ts'
import { InvalidSchemaError, namedTypes, parseSchema } from './avro/parse.ts'
import { type AvroSchema, fullName, type NamedSchema } from './avro/schema.ts'
import { registryErrors } from './errors.ts'
import type { Reference } from './records.ts'
import type { Entry, SchemaVersions } from './schema-versions.ts'

/** A schema as it comes in a request. */
export interface SchemaInput {
  readonly schema: string
  readonly schemaType?: string | undefined
  readonly references?: readonly Reference[] | undefined
  readonly metadata?: unknown
}

export interface ParsedSchema {
  readonly schema: AvroSchema
  readonly text: string
  /** Names that come from references. */
  readonly external: ReadonlySet<string>
}

/** Schemas as trees: those of requests, and those of the versions there are, each parsed once. */
export class ParsedSchemas {
  readonly #versions: SchemaVersions
  readonly #byMd5 = new Map<string, ParsedSchema>()

  constructor(versions: SchemaVersions) {
    this.#versions = versions
  }

  /** Throws a RegistryError 42201 for what is no Avro schema. `previous` stands in where the input has no text: so one changes the metadata alone. */
  parse(input: SchemaInput, normalize: boolean, previous: Entry | undefined): ParsedSchema {
    if (input.schemaType !== undefined && input.schemaType !== 'AVRO') {
      throw registryErrors.invalidSchema(`Invalid schema type ${input.schemaType}. Valid types are: AVRO`)
    }
    const text = input.schema.trim() === '' ? previous?.schema : input.schema
    if (text === undefined) throw registryErrors.invalidSchema('Empty schema')
    const { schema, external } = this.#parseText(text, this.resolved(input.references ?? []))
    return { schema, external, text: canonicalText(schema, { normalize }, external) }
  }

  of(entry: Entry): ParsedSchema {
    let parsed = this.#byMd5.get(entry.md5)
    if (!parsed) {
      parsed = { ...this.#parseText(entry.schema, entry.references), text: entry.schema }
      this.#byMd5.set(entry.md5, parsed)
    }
    return parsed
  }

  /** With version -1, the latest, as a number. Throws a RegistryError 42201 for a reference to what does not exist. */
  resolved(references: readonly Reference[]): Reference[] {
    return references.map(({ name, subject, version }) => {
      const entry = version === -1 ? this.#versions.live(subject).at(-1) : this.#versions.get(subject, version)
      if (!entry || entry.deleted)
        throw registryErrors.invalidSchema(`No schema reference found for subject "${subject}" and version ${version}`)
      return { name, subject, version: entry.version }
    })
  }

  /** The same schema among the entries: by identity, else as a tree (order of properties and aliases does not count), newest first. */
  find(entries: readonly Entry[], parsed: ParsedSchema, md5: string): Entry | undefined {
    const newestFirst = [...entries].reverse()
    const identical = newestFirst.find(entry => entry.md5 === md5)
    if (identical) return identical
    const normal = canonicalText(parsed.schema, { normalize: true }, parsed.external)
    return newestFirst.find(entry => {
      const other = this.of(entry)
      return canonicalText(other.schema, { normalize: true }, other.external) === normal && sameReferences(entry, md5, parsed)
    })
  }

  #parseText(text: string, references: readonly Reference[]): { schema: AvroSchema; external: ReadonlySet<string> } {
    const known = new Map<string, NamedSchema>()
    for (const reference of references) {
      const { schema, external } = this.of(this.#versions.get(reference.subject, reference.version)!)
      const named = namedTypes(schema)
      for (const [name, type] of named) known.set(name, type)
      for (const name of external) {
        const type = named.get(name)
        if (type) known.set(fullName(type), type)
      }
    }
    try {
      return { schema: parseSchema(text, known), external: new Set(known.keys()) }
    } catch (error) {
      if (error instanceof InvalidSchemaError) {
        throw registryErrors.invalidSchema(
          `Invalid schema {schemaType=AVRO, references=[${references.map(({ name }) => name).join(', ')}], schema=${text.slice(0, 1024)}} with refs of type AVRO, details: ${error.message}`,
        )
      }
      throw error
    }
  }
}

function sameReferences(entry: Entry, md5: string, parsed: ParsedSchema): boolean {
  // The texts differ only in order, so equal identities of text and references would have been found: compare the references alone.
  return entry.references.length === 0 ? parsed.external.size === 0 : entry.md5 === md5
}
