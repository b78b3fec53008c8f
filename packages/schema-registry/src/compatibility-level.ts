import { AmbiguousFieldError, type Incompatibility, incompatibilities } from './avro/compatibility.ts'
import type { AvroSchema } from './avro/schema.ts'

export const compatibilityLevels = [
  'NONE',
  'BACKWARD',
  'BACKWARD_TRANSITIVE',
  'FORWARD',
  'FORWARD_TRANSITIVE',
  'FULL',
  'FULL_TRANSITIVE',
] as const
export type CompatibilityLevel = (typeof compatibilityLevels)[number]

/** The level of that name, in any case; undefined for another word. */
export function compatibilityLevel(word: string): CompatibilityLevel | undefined {
  return compatibilityLevels.find(level => level === word.toUpperCase())
}

/** An earlier version to compare with. */
export interface EarlierVersion {
  readonly version: number
  readonly text: string
  readonly schema: AvroSchema
}

/** Confluent cuts the old schema in messages. */
const maxOldSchemaLength = 10 * 1024

/**
 * Messages that say why `schema` may not follow `earlier` (newest last) at the level; empty when it may. Transitive levels walk from
 * the newest to the oldest and stop at the first version that fails.
 */
export function checkCompatibility(level: CompatibilityLevel, schema: AvroSchema, earlier: readonly EarlierVersion[]): string[] {
  if (level === 'NONE') return []
  const candidates = level.endsWith('_TRANSITIVE') ? [...earlier].reverse() : earlier.slice(-1)
  for (const candidate of candidates) {
    const messages = messagesFor(level, schema, candidate.schema)
    if (messages.length > 0) {
      return [
        ...messages,
        `{oldSchemaVersion: ${candidate.version}}`,
        `{oldSchema: '${candidate.text.slice(0, maxOldSchemaLength)}'}`,
        `{validateFields: 'false', compatibility: '${level}'}`,
      ]
    }
  }
  return []
}

function messagesFor(level: CompatibilityLevel, now: AvroSchema, before: AvroSchema): string[] {
  try {
    const forward =
      level.startsWith('FORWARD') || level.startsWith('FULL')
        ? incompatibilities(before, now).map(found => describe(found, 'old', 'new'))
        : []
    const backward =
      level.startsWith('BACKWARD') || level.startsWith('FULL')
        ? incompatibilities(now, before).map(found => describe(found, 'new', 'old'))
        : []
    return [...forward, ...backward]
  } catch (error) {
    if (error instanceof AmbiguousFieldError) return [`Unexpected exception during compatibility check: ${error.message}`]
    throw error
  }
}

/** One message in Confluent's form. */
function describe({ kind, location, message }: Incompatibility, reader: 'old' | 'new', writer: 'old' | 'new'): string {
  const at = `at path '${location || '/'}'`
  const text: Record<Incompatibility['kind'], string> = {
    NAME_MISMATCH: `The name of the schema has changed (path '${location}')`,
    FIXED_SIZE_MISMATCH: `The size of FIXED type field ${at} in the ${reader} schema does not match with the ${writer} schema`,
    MISSING_ENUM_SYMBOLS: `The ${reader} schema is missing enum symbols '${message}' ${at} in the ${writer} schema`,
    READER_FIELD_MISSING_DEFAULT_VALUE: `The field '${message}' ${at} in the ${reader} schema has no default value and is missing in the ${writer} schema`,
    TYPE_MISMATCH: `The type (${at}) of a field in the ${reader} schema does not match with the ${writer} schema`,
    MISSING_UNION_BRANCH: `The ${reader} schema is missing a type inside a union field ${at} in the ${writer} schema`,
  }
  return `{errorType:'${kind}', description:'${text[kind]}', additionalInfo:'${message}'}`
}
