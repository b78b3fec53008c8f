import { canonicalText } from './avro/canonical.ts'
import { InvalidSchemaError, namedTypes, parseSchema } from './avro/parse.ts'
import { type AvroSchema, fullName, type NamedSchema } from './avro/schema.ts'
import { type CompatibilityLevel, checkCompatibility, compatibilityLevel, type EarlierVersion } from './compatibility-level.ts'
import { registryErrors } from './errors.ts'
import { guidOf, identity } from './identity.ts'
import type { Reference, RegistryRecord, SchemaValue } from './records.ts'

/** A schema as it comes in a request. */
export interface SchemaInput {
  readonly schema: string
  readonly schemaType?: string | undefined
  readonly references?: readonly Reference[] | undefined
  readonly metadata?: unknown
}

/** A version of a subject as it is answered. */
export interface SchemaVersion {
  readonly subject: string
  readonly version: number
  readonly id: number
  readonly guid: string
  readonly schemaType: 'AVRO'
  readonly references: readonly Reference[]
  readonly metadata?: unknown
  readonly schema: string
  readonly deleted: boolean
}

/** What a write comes to: records to append, and the answer once they are there. */
export interface Decision<T> {
  readonly records: readonly Exclude<RegistryRecord, { kind: 'other' }>[]
  readonly answer: () => T
}

interface Entry extends SchemaVersion {
  /** Identity across subjects: text, references and metadata. */
  readonly md5: string
}

interface Parsed {
  readonly schema: AvroSchema
  readonly text: string
  readonly external: ReadonlySet<string>
}

export const defaultLevel: CompatibilityLevel = 'BACKWARD'
const modes = ['READWRITE', 'READONLY'] as const
export type Mode = (typeof modes)[number]

/**
 * The registry as a Machine over `_schemas`: decisions look at the state and give records; the state changes in `apply` alone, which is the
 * one code path for replay and for what was just written. Throws RegistryError with Confluent's code.
 */
export class Registry {
  readonly #subjects = new Map<string, Map<number, Entry>>()
  readonly #byId = new Map<number, Entry>()
  readonly #idByMd5 = new Map<string, number>()
  readonly #levels = new Map<string | null, CompatibilityLevel>()
  readonly #modes = new Map<string | null, Mode>()
  readonly #parsed = new Map<string, Parsed>()
  #highestId = 0

  // ── writes ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  register(subject: string, input: SchemaInput, options: { normalize?: boolean } = {}): Decision<SchemaVersion> {
    checkSubject(subject)
    const live = this.#live(subject)
    const parsed = this.#parse(input, options.normalize ?? false, live.at(-1))
    const references = this.#resolved(input.references ?? [])
    const md5 = identity(parsed.text, references, input.metadata)
    const same = this.#find(subject, parsed, md5)
    if (same) return { records: [], answer: () => publicVersion(same) }
    this.#checkWritable(subject)
    const problems = checkCompatibility(this.level(subject), parsed.schema, this.#earlier(live))
    if (problems.length > 0) throw registryErrors.incompatible(subject, problems)
    const id = this.#idByMd5.get(md5) ?? this.#highestId + 1
    const versions = this.#subjects.get(subject)
    const version = versions ? Math.max(...versions.keys()) + 1 : 1
    const value: SchemaValue = {
      subject,
      version,
      id,
      references,
      ...(input.metadata === undefined || input.metadata === null ? {} : { metadata: input.metadata }),
      schema: parsed.text,
      deleted: false,
    }
    // The older, soft-deleted version with this id is replaced by the new one.
    const replaced = [...(versions?.values() ?? [])].filter(entry => entry.deleted && entry.id === id)
    return {
      records: [
        ...replaced.map(entry => ({ kind: 'schema', subject, version: entry.version, value: null }) as const),
        { kind: 'schema', subject, version, value },
      ],
      answer: () => publicVersion(this.#entry(subject, version)!),
    }
  }

  deleteVersion(subject: string, version: number | 'latest', permanent: boolean): Decision<number> {
    const entry = this.#require(subject, version, true)
    this.#checkWritable(subject)
    this.#checkUnreferenced(entry)
    if (permanent && !entry.deleted) throw registryErrors.versionNotSoftDeleted(subject, entry.version)
    if (!permanent && entry.deleted) throw registryErrors.versionSoftDeleted(subject, entry.version)
    return {
      records: [
        { kind: 'schema', subject, version: entry.version, value: permanent ? null : { ...stored(entry), deleted: true } },
      ],
      answer: () => entry.version,
    }
  }

  deleteSubject(subject: string, permanent: boolean): Decision<number[]> {
    const versions = [...(this.#subjects.get(subject)?.values() ?? [])]
    if (versions.length === 0) throw registryErrors.subjectNotFound(subject)
    const live = versions.filter(entry => !entry.deleted)
    this.#checkWritable(subject)
    for (const entry of versions) this.#checkUnreferenced(entry, subject)
    if (permanent) {
      if (live.length > 0) throw registryErrors.subjectNotSoftDeleted(subject)
      return {
        records: [
          ...versions.map(entry => ({ kind: 'schema', subject, version: entry.version, value: null }) as const),
          ...(this.#levels.has(subject) ? [{ kind: 'config', subject, value: null } as const] : []),
          ...(this.#modes.has(subject) ? [{ kind: 'mode', subject, value: null } as const] : []),
          { kind: 'delete-subject', subject, value: null },
        ],
        answer: () => versions.map(entry => entry.version),
      }
    }
    if (live.length === 0) throw registryErrors.subjectSoftDeleted(subject)
    return {
      records: [{ kind: 'delete-subject', subject, value: { version: versions.at(-1)!.version } }],
      answer: () => live.map(entry => entry.version),
    }
  }

  /** `subject` null: global. */
  setLevel(subject: string | null, word: string): Decision<CompatibilityLevel> {
    const level = compatibilityLevel(word)
    if (!level) throw registryErrors.invalidLevel()
    if (subject !== null) checkSubject(subject)
    this.#checkWritable(subject)
    return { records: [{ kind: 'config', subject, value: { compatibilityLevel: level } }], answer: () => level }
  }

  /** Answers the level that was set. */
  deleteLevel(subject: string | null): Decision<CompatibilityLevel> {
    const level = this.#levels.get(subject)
    if (subject !== null && !level) throw registryErrors.subjectNotFound(subject)
    this.#checkWritable(subject)
    return { records: [{ kind: 'config', subject, value: null }], answer: () => level ?? defaultLevel }
  }

  setMode(subject: string | null, word: string): Decision<Mode> {
    const mode = modes.find(known => known === word.toUpperCase())
    if (!mode) throw registryErrors.invalidMode()
    return { records: [{ kind: 'mode', subject, value: { mode } }], answer: () => mode }
  }

  deleteMode(subject: string): Decision<Mode> {
    const mode = this.#modes.get(subject)
    if (!mode) throw registryErrors.noSubjectMode(subject)
    return { records: [{ kind: 'mode', subject, value: null }], answer: () => mode }
  }

  // ── reads ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  subjects(options: { prefix?: string; deleted?: boolean; deletedOnly?: boolean } = {}): string[] {
    const { prefix = '', deleted = false, deletedOnly = false } = options
    const names: string[] = []
    for (const [subject, versions] of this.#subjects) {
      const isLive = [...versions.values()].some(entry => !entry.deleted)
      if (subject.startsWith(prefix) && (deletedOnly ? !isLive : deleted || isLive)) names.push(subject)
    }
    return names.sort()
  }

  versions(subject: string, options: { deleted?: boolean; deletedOnly?: boolean } = {}): number[] {
    const entries = [...(this.#subjects.get(subject)?.values() ?? [])].filter(entry =>
      options.deletedOnly ? entry.deleted : options.deleted || !entry.deleted,
    )
    if (entries.length === 0) throw registryErrors.subjectNotFound(subject)
    return entries.map(entry => entry.version)
  }

  version(subject: string, version: number | 'latest', deleted = false): SchemaVersion {
    return publicVersion(this.#require(subject, version, deleted))
  }

  lookUp(subject: string, input: SchemaInput, options: { normalize?: boolean; deleted?: boolean } = {}): SchemaVersion {
    const entries = options.deleted ? [...(this.#subjects.get(subject)?.values() ?? [])] : this.#live(subject)
    if (entries.length === 0) throw registryErrors.subjectNotFound(subject)
    const parsed = this.#parse(input, options.normalize ?? false, entries.at(-1))
    const md5 = identity(parsed.text, this.#resolved(input.references ?? []), input.metadata)
    const found = this.#find(subject, parsed, md5, options.deleted)
    if (!found) throw registryErrors.schemaNotFound()
    return publicVersion(found)
  }

  schemaById(id: number): SchemaVersion {
    const entry = this.#byId.get(id)
    if (!entry) throw registryErrors.schemaNotFound(id)
    return publicVersion(entry)
  }

  schemaByGuid(guid: string): SchemaVersion {
    for (const entry of this.#byId.values()) if (entry.guid === guid.toLowerCase()) return publicVersion(entry)
    throw registryErrors.schemaNotFound()
  }

  /** Subjects and versions that hold the schema. */
  versionsOfId(id: number, deleted = false): { subject: string; version: number }[] {
    if (!this.#byId.has(id)) throw registryErrors.schemaNotFound(id)
    return this.#all()
      .filter(entry => entry.id === id && (deleted || !entry.deleted))
      .map(({ subject, version }) => ({ subject, version }))
  }

  /** Ids of the schemas that refer to the version. */
  referencedBy(subject: string, version: number | 'latest'): number[] {
    const target = this.#require(subject, version, true)
    return [...new Set(this.#referrers(target).map(entry => entry.id))]
  }

  schemas(options: { prefix?: string; deleted?: boolean; latestOnly?: boolean } = {}): SchemaVersion[] {
    return this.subjects({ prefix: options.prefix ?? '', deleted: options.deleted ?? false }).flatMap(subject => {
      const entries = options.deleted ? [...this.#subjects.get(subject)!.values()] : this.#live(subject)
      return (options.latestOnly ? entries.slice(-1) : entries).map(publicVersion)
    })
  }

  /** The level in force for the subject: its own, else the global one, else BACKWARD. */
  level(subject: string | null): CompatibilityLevel {
    return this.#levels.get(subject) ?? this.#levels.get(null) ?? defaultLevel
  }

  ownLevel(subject: string): CompatibilityLevel {
    const level = this.#levels.get(subject)
    if (!level) throw registryErrors.noSubjectConfig(subject)
    return level
  }

  mode(subject: string | null): Mode {
    return this.#modes.get(subject) ?? this.#modes.get(null) ?? 'READWRITE'
  }

  ownMode(subject: string): Mode {
    const mode = this.#modes.get(subject)
    if (!mode) throw registryErrors.noSubjectMode(subject)
    return mode
  }

  /** Messages why the schema may not be added; empty when it may. `against`: a version, or all that the level asks for. */
  compatibility(
    subject: string,
    input: SchemaInput,
    against: number | 'latest' | 'all',
    options: { normalize?: boolean; verbose?: boolean } = {},
  ): string[] {
    const live = this.#live(subject)
    if (typeof against === 'number') this.#require(subject, against, false)
    let parsed: Parsed
    try {
      parsed = this.#parse(input, options.normalize ?? false, live.at(-1))
    } catch (error) {
      if (options.verbose) return [(error as Error).message]
      throw error
    }
    const candidates =
      against === 'all' ? live : against === 'latest' ? live.slice(-1) : live.filter(entry => entry.version === against)
    return checkCompatibility(this.level(subject), parsed.schema, this.#earlier(candidates))
  }

  // ── the fold ────────────────────────────────────────────────────────────────────────────────────────────────────────

  apply(record: RegistryRecord): void {
    switch (record.kind) {
      case 'schema':
        this.#applySchema(record.subject, record.version, record.value)
        break
      case 'config':
        this.#set(this.#levels, record.subject, record.value && compatibilityLevel(record.value.compatibilityLevel ?? ''))
        break
      case 'mode':
        this.#set(this.#modes, record.subject, record.value && modes.find(mode => mode === record.value!.mode))
        break
      case 'delete-subject':
        if (!record.value) return
        for (const entry of this.#subjects.get(record.subject)?.values() ?? []) {
          if (entry.version <= record.value.version) this.#put({ ...entry, deleted: true })
        }
        break
      case 'other':
        break
    }
  }

  #applySchema(subject: string, version: number, value: SchemaValue | null): void {
    if (!value) {
      const versions = this.#subjects.get(subject)
      versions?.delete(version)
      if (versions?.size === 0) this.#subjects.delete(subject)
      return
    }
    const references = value.references ?? []
    const md5 = identity(value.schema, references, value.metadata)
    const holder = this.#byId.get(value.id)
    // An id belongs to one text for ever: a record that says otherwise was not written by a registry that works.
    if (holder && holder.md5 !== md5) return
    this.#put({
      subject,
      version,
      id: value.id,
      guid: guidOf(md5),
      schemaType: 'AVRO',
      references,
      ...(value.metadata === undefined ? {} : { metadata: value.metadata }),
      schema: value.schema,
      deleted: value.deleted,
      md5,
    })
  }

  #put(entry: Entry): void {
    let versions = this.#subjects.get(entry.subject)
    if (!versions) this.#subjects.set(entry.subject, (versions = new Map()))
    versions.set(entry.version, entry)
    if (!this.#byId.has(entry.id)) this.#byId.set(entry.id, entry)
    if (!this.#idByMd5.has(entry.md5)) this.#idByMd5.set(entry.md5, entry.id)
    this.#highestId = Math.max(this.#highestId, entry.id)
  }

  #set<V>(map: Map<string | null, V>, subject: string | null, value: V | null | undefined): void {
    if (value === null || value === undefined) map.delete(subject)
    else map.set(subject, value)
  }

  // ── looking ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #all(): Entry[] {
    return [...this.#subjects.values()].flatMap(versions => [...versions.values()])
  }

  #live(subject: string): Entry[] {
    return [...(this.#subjects.get(subject)?.values() ?? [])].filter(entry => !entry.deleted)
  }

  #entry(subject: string, version: number): Entry | undefined {
    return this.#subjects.get(subject)?.get(version)
  }

  #require(subject: string, version: number | 'latest', deleted: boolean): Entry {
    const versions = [...(this.#subjects.get(subject)?.values() ?? [])]
    const visible = deleted ? versions : versions.filter(entry => !entry.deleted)
    if (visible.length === 0) throw registryErrors.subjectNotFound(subject)
    const found =
      version === 'latest' ? (this.#live(subject).at(-1) ?? visible.at(-1)) : visible.find(entry => entry.version === version)
    if (!found) throw registryErrors.versionNotFound(version)
    return found
  }

  /** The same schema in the subject: by identity, else as a parsed schema (order of properties and aliases does not count), newest first. */
  #find(subject: string, parsed: Parsed, md5: string, deleted = false): Entry | undefined {
    const entries = (deleted ? [...(this.#subjects.get(subject)?.values() ?? [])] : this.#live(subject)).reverse()
    const identical = entries.find(entry => entry.md5 === md5)
    if (identical) return identical
    const normal = canonicalText(parsed.schema, { normalize: true }, parsed.external)
    return entries.find(entry => {
      const other = this.#parsedEntry(entry)
      return canonicalText(other.schema, { normalize: true }, other.external) === normal && sameReferences(entry, md5, parsed)
    })
  }

  #earlier(entries: readonly Entry[]): EarlierVersion[] {
    return entries.map(entry => ({ version: entry.version, text: entry.schema, schema: this.#parsedEntry(entry).schema }))
  }

  #parse(input: SchemaInput, normalize: boolean, previous: Entry | undefined): Parsed {
    if (input.schemaType !== undefined && input.schemaType !== 'AVRO') {
      throw registryErrors.invalidSchema(`Invalid schema type ${input.schemaType}. Valid types are: AVRO`)
    }
    // Without a text, the previous one is meant: so one changes the metadata alone.
    const text = input.schema.trim() === '' ? previous?.schema : input.schema
    if (text === undefined) throw registryErrors.invalidSchema('Empty schema')
    const { schema, external } = this.#parseText(text, this.#resolved(input.references ?? []))
    return { schema, external, text: canonicalText(schema, { normalize }, external) }
  }

  #parseText(text: string, references: readonly Reference[]): { schema: AvroSchema; external: ReadonlySet<string> } {
    const known = new Map<string, NamedSchema>()
    for (const reference of references) {
      const entry = this.#entry(reference.subject, reference.version)!
      for (const [name, type] of namedTypes(this.#parsedEntry(entry).schema)) known.set(name, type)
      for (const name of this.#parsedEntry(entry).external) {
        const type = namedTypes(this.#parsedEntry(entry).schema).get(name)
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

  #parsedEntry(entry: Entry): Parsed {
    let parsed = this.#parsed.get(entry.md5)
    if (!parsed) {
      parsed = { ...this.#parseText(entry.schema, entry.references), text: entry.schema }
      this.#parsed.set(entry.md5, parsed)
    }
    return parsed
  }

  /** Version -1 is the latest; a reference that does not exist is an invalid schema. */
  #resolved(references: readonly Reference[]): Reference[] {
    return references.map(({ name, subject, version }) => {
      const entry = version === -1 ? this.#live(subject).at(-1) : this.#entry(subject, version)
      if (!entry || entry.deleted)
        throw registryErrors.invalidSchema(`No schema reference found for subject "${subject}" and version ${version}`)
      return { name, subject, version: entry.version }
    })
  }

  #referrers(target: Entry): Entry[] {
    return this.#all().filter(
      entry =>
        !entry.deleted &&
        entry.references.some(({ subject, version }) => subject === target.subject && version === target.version),
    )
  }

  #checkUnreferenced(entry: Entry, exceptSubject?: string): void {
    if (this.#referrers(entry).some(({ subject }) => subject !== exceptSubject))
      throw registryErrors.referenceExists(entry.subject, entry.version)
  }

  #checkWritable(subject: string | null): void {
    const mode = this.mode(subject)
    if (mode !== 'READWRITE') throw registryErrors.notPermitted(subject ?? '', mode)
  }
}

function publicVersion({ md5: _, ...version }: Entry): SchemaVersion {
  return version
}

function stored({ subject, version, id, references, metadata, schema, deleted }: Entry): SchemaValue {
  return { subject, version, id, references, ...(metadata === undefined ? {} : { metadata }), schema, deleted }
}

function sameReferences(entry: Entry, md5: string, parsed: Parsed): boolean {
  // The texts differ only in order, so equal identities of text and references would have been found: compare the references alone.
  return entry.references.length === 0 ? parsed.external.size === 0 : entry.md5 === md5
}

function checkSubject(subject: string): void {
  const hasControl = [...subject].some(char => char < ' ' || char === '\u007f')
  if (subject === '' || subject === '__GLOBAL' || subject === '__EMPTY' || hasControl)
    throw registryErrors.invalidSubject(subject)
}
