/** The records of `_schemas` in Confluent's format: JSON keys whose member order matters (compaction compares bytes), JSON values. */
export interface Reference {
  readonly name: string
  readonly subject: string
  readonly version: number
}

export interface SchemaValue {
  readonly subject: string
  readonly version: number
  readonly id: number
  /** Absent: AVRO. */
  readonly schemaType?: string
  readonly references?: readonly Reference[]
  readonly metadata?: unknown
  readonly schema: string
  readonly deleted: boolean
}

export type RegistryRecord =
  | { readonly kind: 'schema'; readonly subject: string; readonly version: number; readonly value: SchemaValue | null }
  /** `subject` null: global. */
  | { readonly kind: 'config'; readonly subject: string | null; readonly value: { readonly compatibilityLevel: string } | null }
  | { readonly kind: 'mode'; readonly subject: string | null; readonly value: { readonly mode: string } | null }
  /** All versions up to `version` are soft-deleted. */
  | { readonly kind: 'delete-subject'; readonly subject: string; readonly value: { readonly version: number } | null }
  | { readonly kind: 'other' }

export function encodeRecord(record: Exclude<RegistryRecord, { kind: 'other' }>): { key: string; value: string | null } {
  switch (record.kind) {
    case 'schema':
      return {
        key: json({ keytype: 'SCHEMA', subject: record.subject, version: record.version, magic: 1 }),
        value: record.value && json(orderedSchemaValue(record.value)),
      }
    case 'config':
      return {
        key: scopedKey('CONFIG', record.subject),
        value: record.value && json({ ...scope(record.subject), ...record.value }),
      }
    case 'mode':
      return {
        key: scopedKey('MODE', record.subject),
        value: record.value && json({ ...scope(record.subject), ...record.value }),
      }
    case 'delete-subject':
      return {
        key: json({ keytype: 'DELETE_SUBJECT', subject: record.subject, magic: 0 }),
        value: record.value && json({ subject: record.subject, version: record.value.version }),
      }
  }
}

/** The record's meaning; `other` for what a reader skips (NOOP, CONTEXT, unknown types). Throws on what is not a registry's record. */
export function decodeRecord(key: string, value: string | null): RegistryRecord {
  const parsedKey = JSON.parse(key) as { keytype?: string; subject?: string; version?: number }
  const body = value === null || value === '' ? null : JSON.parse(value)
  const { keytype, subject, version } = parsedKey
  if (keytype === 'SCHEMA' && typeof subject === 'string' && typeof version === 'number')
    return { kind: 'schema', subject, version, value: body }
  if (keytype === 'CONFIG') return { kind: 'config', subject: subject ?? null, value: body }
  if (keytype === 'MODE') return { kind: 'mode', subject: subject ?? null, value: body }
  if (keytype === 'DELETE_SUBJECT' && typeof subject === 'string') return { kind: 'delete-subject', subject, value: body }
  return { kind: 'other' }
}

function orderedSchemaValue({ subject, version, id, schemaType, references, metadata, schema, deleted }: SchemaValue) {
  return {
    subject,
    version,
    id,
    ...(schemaType === undefined || schemaType === 'AVRO' ? {} : { schemaType }),
    ...(references?.length ? { references: references.map(({ name, subject, version }) => ({ name, subject, version })) } : {}),
    ...(metadata === undefined ? {} : { metadata }),
    schema,
    deleted,
  }
}

function scopedKey(keytype: string, subject: string | null): string {
  return json({ keytype, ...scope(subject), magic: 0 })
}

function scope(subject: string | null): { subject?: string } {
  return subject === null ? {} : { subject }
}

/** Characters beyond U+FFFF are two escapes, as Jackson writes them. */
function json(value: unknown): string {
  return JSON.stringify(value).replace(/[\ud800-\udbff][\udc00-\udfff]/g, pair =>
    [...pair.split('')].map(unit => `\\u${unit.charCodeAt(0).toString(16).toUpperCase()}`).join(''),
  )
}
