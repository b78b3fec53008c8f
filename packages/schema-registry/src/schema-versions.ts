import { registryErrors } from './errors.ts'
import { guidOf, identity } from './identity.ts'
import type { Reference, SchemaValue } from './records.ts'

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

/** A version as it is kept. */
export interface Entry extends SchemaVersion {
  /** Identity across subjects: text, references and metadata. */
  readonly md5: string
}

/** Every version of every subject, soft-deleted ones included, and which id belongs to which text. Changed by records alone. */
export class SchemaVersions {
  readonly #subjects = new Map<string, Map<number, Entry>>()
  readonly #byId = new Map<number, Entry>()
  readonly #idByMd5 = new Map<string, number>()
  #highestId = 0

  /** `value` null: the version is gone for good. */
  apply(subject: string, version: number, value: SchemaValue | null): void {
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

  /** Soft-deletes the versions up to `last`. */
  applyDeletion(subject: string, last: number): void {
    for (const entry of this.of(subject)) if (entry.version <= last) this.#put({ ...entry, deleted: true })
  }

  /** The id that a schema has already, or the next one. */
  idFor(md5: string): number {
    return this.#idByMd5.get(md5) ?? this.#highestId + 1
  }

  byId(id: number): Entry | undefined {
    return this.#byId.get(id)
  }

  byGuid(guid: string): Entry | undefined {
    for (const entry of this.#byId.values()) if (entry.guid === guid) return entry
    return undefined
  }

  subjects(): IterableIterator<string> {
    return this.#subjects.keys()
  }

  all(): Entry[] {
    return [...this.#subjects.values()].flatMap(versions => [...versions.values()])
  }

  /** The subject's versions, deleted ones too; oldest first, empty for an unknown subject. */
  of(subject: string): Entry[] {
    return [...(this.#subjects.get(subject)?.values() ?? [])]
  }

  live(subject: string): Entry[] {
    return this.of(subject).filter(entry => !entry.deleted)
  }

  get(subject: string, version: number): Entry | undefined {
    return this.#subjects.get(subject)?.get(version)
  }

  /** Throws a RegistryError 40401 or 40402. `deleted`: soft-deleted ones are found as well. */
  require(subject: string, version: number | 'latest', deleted: boolean): Entry {
    const visible = deleted ? this.of(subject) : this.live(subject)
    if (visible.length === 0) throw registryErrors.subjectNotFound(subject)
    const found =
      version === 'latest' ? (this.live(subject).at(-1) ?? visible.at(-1)) : visible.find(entry => entry.version === version)
    if (!found) throw registryErrors.versionNotFound(version)
    return found
  }

  /** The live versions whose schemas refer to this one. */
  referrers(target: Entry): Entry[] {
    return this.all().filter(
      entry =>
        !entry.deleted &&
        entry.references.some(({ subject, version }) => subject === target.subject && version === target.version),
    )
  }

  #put(entry: Entry): void {
    let versions = this.#subjects.get(entry.subject)
    if (!versions) this.#subjects.set(entry.subject, (versions = new Map()))
    versions.set(entry.version, entry)
    if (!this.#byId.has(entry.id)) this.#byId.set(entry.id, entry)
    if (!this.#idByMd5.has(entry.md5)) this.#idByMd5.set(entry.md5, entry.id)
    this.#highestId = Math.max(this.#highestId, entry.id)
  }
}

export function publicVersion({ md5: _, ...version }: Entry): SchemaVersion {
  return version
}

/** The entry as the record that would give it. */
export function stored({ subject, version, id, references, metadata, schema, deleted }: Entry): SchemaValue {
  return { subject, version, id, references, ...(metadata === undefined ? {} : { metadata }), schema, deleted }
}
