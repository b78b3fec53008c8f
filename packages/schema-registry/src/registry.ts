import { type CompatibilityLevel, checkCompatibility, compatibilityLevel, type EarlierVersion } from './compatibility-level.ts'
import { registryErrors } from './errors.ts'
import { identity } from './identity.ts'
import { type ParsedSchema, ParsedSchemas, type SchemaInput } from './parsed-schemas.ts'
import type { RegistryRecord, SchemaValue } from './records.ts'
import { type Entry, publicVersion, type SchemaVersion, SchemaVersions, stored } from './schema-versions.ts'

/** What a write comes to: records to append, and the answer once they are there. */
export interface Decision<T> {
  readonly records: readonly Exclude<RegistryRecord, { kind: 'other' }>[]
  readonly answer: () => T
}

export const defaultLevel: CompatibilityLevel = 'BACKWARD'
const modes = ['READWRITE', 'READONLY'] as const
export type Mode = (typeof modes)[number]

/**
 * The registry as a Machine over `_schemas`: decisions look at the state and give records; the state changes in `apply` alone, which is the
 * one code path for replay and for what was just written. Throws RegistryError with Confluent's code.
 */
export class Registry {
  readonly #versions = new SchemaVersions()
  readonly #parsed = new ParsedSchemas(this.#versions)
  readonly #levels = new Map<string | null, CompatibilityLevel>()
  readonly #modes = new Map<string | null, Mode>()

  // ── writes ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  register(subject: string, input: SchemaInput, options: { normalize?: boolean } = {}): Decision<SchemaVersion> {
    checkSubject(subject)
    const live = this.#versions.live(subject)
    const parsed = this.#parsed.parse(input, options.normalize ?? false, live.at(-1))
    const references = this.#parsed.resolved(input.references ?? [])
    const md5 = identity(parsed.text, references, input.metadata)
    const same = this.#parsed.find(live, parsed, md5)
    if (same) return { records: [], answer: () => publicVersion(same) }
    this.#checkWritable(subject)
    const problems = checkCompatibility(this.level(subject), parsed.schema, this.#earlier(live))
    if (problems.length > 0) throw registryErrors.incompatible(subject, problems)
    const id = this.#versions.idFor(md5)
    const versions = this.#versions.of(subject)
    const version = Math.max(0, ...versions.map(entry => entry.version)) + 1
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
    const replaced = versions.filter(entry => entry.deleted && entry.id === id)
    return {
      records: [
        ...replaced.map(entry => ({ kind: 'schema', subject, version: entry.version, value: null }) as const),
        { kind: 'schema', subject, version, value },
      ],
      answer: () => publicVersion(this.#versions.get(subject, version)!),
    }
  }

  deleteVersion(subject: string, version: number | 'latest', permanent: boolean): Decision<number> {
    const entry = this.#versions.require(subject, version, true)
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
    const versions = this.#versions.of(subject)
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
    for (const subject of this.#versions.subjects()) {
      const isLive = this.#versions.live(subject).length > 0
      if (subject.startsWith(prefix) && (deletedOnly ? !isLive : deleted || isLive)) names.push(subject)
    }
    return names.sort()
  }

  versions(subject: string, options: { deleted?: boolean; deletedOnly?: boolean } = {}): number[] {
    const entries = this.#versions
      .of(subject)
      .filter(entry => (options.deletedOnly ? entry.deleted : options.deleted || !entry.deleted))
    if (entries.length === 0) throw registryErrors.subjectNotFound(subject)
    return entries.map(entry => entry.version)
  }

  version(subject: string, version: number | 'latest', deleted = false): SchemaVersion {
    return publicVersion(this.#versions.require(subject, version, deleted))
  }

  lookUp(subject: string, input: SchemaInput, options: { normalize?: boolean; deleted?: boolean } = {}): SchemaVersion {
    const entries = options.deleted ? this.#versions.of(subject) : this.#versions.live(subject)
    if (entries.length === 0) throw registryErrors.subjectNotFound(subject)
    const parsed = this.#parsed.parse(input, options.normalize ?? false, entries.at(-1))
    const md5 = identity(parsed.text, this.#parsed.resolved(input.references ?? []), input.metadata)
    const found = this.#parsed.find(entries, parsed, md5)
    if (!found) throw registryErrors.schemaNotFound()
    return publicVersion(found)
  }

  schemaById(id: number): SchemaVersion {
    const entry = this.#versions.byId(id)
    if (!entry) throw registryErrors.schemaNotFound(id)
    return publicVersion(entry)
  }

  schemaByGuid(guid: string): SchemaVersion {
    const entry = this.#versions.byGuid(guid.toLowerCase())
    if (!entry) throw registryErrors.schemaNotFound()
    return publicVersion(entry)
  }

  /** Subjects and versions that hold the schema. */
  versionsOfId(id: number, deleted = false): { subject: string; version: number }[] {
    if (!this.#versions.byId(id)) throw registryErrors.schemaNotFound(id)
    return this.#versions
      .all()
      .filter(entry => entry.id === id && (deleted || !entry.deleted))
      .map(({ subject, version }) => ({ subject, version }))
  }

  /** Ids of the schemas that refer to the version. */
  referencedBy(subject: string, version: number | 'latest'): number[] {
    const target = this.#versions.require(subject, version, true)
    return [...new Set(this.#versions.referrers(target).map(entry => entry.id))]
  }

  schemas(options: { prefix?: string; deleted?: boolean; latestOnly?: boolean } = {}): SchemaVersion[] {
    return this.subjects({ prefix: options.prefix ?? '', deleted: options.deleted ?? false }).flatMap(subject => {
      const entries = options.deleted ? this.#versions.of(subject) : this.#versions.live(subject)
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
    const live = this.#versions.live(subject)
    if (typeof against === 'number') this.#versions.require(subject, against, false)
    let parsed: ParsedSchema
    try {
      parsed = this.#parsed.parse(input, options.normalize ?? false, live.at(-1))
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
        this.#versions.apply(record.subject, record.version, record.value)
        break
      case 'config':
        this.#set(this.#levels, record.subject, record.value && compatibilityLevel(record.value.compatibilityLevel ?? ''))
        break
      case 'mode':
        this.#set(this.#modes, record.subject, record.value && modes.find(mode => mode === record.value!.mode))
        break
      case 'delete-subject':
        if (record.value) this.#versions.applyDeletion(record.subject, record.value.version)
        break
      case 'other':
        break
    }
  }

  #set<V>(map: Map<string | null, V>, subject: string | null, value: V | null | undefined): void {
    if (value === null || value === undefined) map.delete(subject)
    else map.set(subject, value)
  }

  #earlier(entries: readonly Entry[]): EarlierVersion[] {
    return entries.map(entry => ({ version: entry.version, text: entry.schema, schema: this.#parsed.of(entry).schema }))
  }

  #checkUnreferenced(entry: Entry, exceptSubject?: string): void {
    if (this.#versions.referrers(entry).some(({ subject }) => subject !== exceptSubject))
      throw registryErrors.referenceExists(entry.subject, entry.version)
  }

  #checkWritable(subject: string | null): void {
    const mode = this.mode(subject)
    if (mode !== 'READWRITE') throw registryErrors.notPermitted(subject ?? '', mode)
  }
}

function checkSubject(subject: string): void {
  const hasControl = [...subject].some(char => char < ' ' || char === '\u007f')
  if (subject === '' || subject === '__GLOBAL' || subject === '__EMPTY' || hasControl)
    throw registryErrors.invalidSubject(subject)
}
