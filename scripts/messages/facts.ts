import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A folder of message facts as JSON: what the declarations were made from, and what they are compared with. */

export interface FieldFacts {
  readonly name: string
  readonly type: string
  readonly versions?: string
  readonly taggedVersions?: string
  readonly tag?: number
  readonly nullableVersions?: string
  readonly flexibleVersions?: string
  readonly default?: string | number | boolean | null
  readonly ignorable?: boolean | string
  readonly mapKey?: boolean
  readonly entityType?: string
  readonly fields?: readonly FieldFacts[]
}

export interface MessageFacts {
  readonly name: string
  readonly apiKey?: number
  readonly type: string
  readonly listeners?: readonly string[]
  readonly validVersions: string
  readonly flexibleVersions?: string
  readonly fields: readonly FieldFacts[]
  readonly commonStructs?: readonly {
    readonly name: string
    readonly versions?: string
    readonly fields: readonly FieldFacts[]
  }[]
}

export interface Versions {
  readonly from: number
  readonly to: number
}

/** `3+`, `0-12` or `4` as a range; null for `none`. */
export function parseVersions(text: string | undefined): Versions | null {
  if (text === undefined || text === 'none') return null
  if (text.endsWith('+')) return { from: Number(text.slice(0, -1)), to: Infinity }
  const [from, to = from] = text.split('-').map(Number) as [number, number?]
  return { from, to }
}

export function intersection(a: Versions, b: Versions): Versions {
  return { from: Math.max(a.from, b.from), to: Math.min(a.to, b.to) }
}

/** Field names of Kafka's definitions with a lower-case first letter. */
export function lowerFirst(name: string): string {
  return name[0]!.toLowerCase() + name.slice(1)
}

/** The messages of a folder that are not retired, by name. */
export function loadFacts(folder: string): Map<string, MessageFacts> {
  const messages = new Map<string, MessageFacts>()
  for (const part of ['request-response', 'metadata-records', 'coordinator-records', 'embedded', 'other-records'])
    for (const path of readdirSync(join(folder, part)).sort()) {
      const facts = JSON.parse(readFileSync(join(folder, part, path), 'utf8')) as MessageFacts
      if (facts.validVersions !== 'none') messages.set(facts.name, facts)
    }
  return messages
}

/** A message as lines of text, one for its versions and one for each field with everything that is said of it. */
export function factLines(message: MessageFacts): string[] {
  const valid = parseVersions(message.validVersions)!
  const structs = new Map((message.commonStructs ?? []).map(struct => [struct.name, struct.fields]))
  const lines = [
    messageLine(
      message.name,
      valid,
      parseVersions(message.flexibleVersions)?.from,
      isRecord(message) ? message.apiKey : undefined,
    ),
  ]
  const walk = (fields: readonly FieldFacts[], path: string, around: Versions) => {
    for (const field of fields) {
      const range = intersection(parseVersions(field.versions ?? field.taggedVersions)!, around)
      if (range.from > range.to) continue
      const name = `${path}.${lowerFirst(field.name)}`
      const element = field.type.replace('[]', '')
      const isStruct = /^[A-Z]/.test(element)
      const kind = `${field.type.startsWith('[]') ? '[]' : ''}${isStruct ? 'struct' : element}`
      const nullable = parseVersions(field.nullableVersions)
      lines.push(
        fieldLine(name, kind, range, {
          nullable: nullable === null || nullable.to < range.from ? undefined : Math.max(nullable.from, range.from),
          tag: field.tag,
          default: defaultText(field, kind),
          ignorable: String(field.ignorable) === 'true',
          mapKey: field.mapKey === true,
          classic: field.flexibleVersions === 'none',
          entity: field.entityType,
        }),
      )
      if (isStruct)
        walk(field.fields !== undefined && field.fields.length > 0 ? field.fields : structs.get(element)!, name, range)
    }
  }
  walk(message.fields, '', valid)
  return lines
}

export function isRecord(message: MessageFacts): boolean {
  return message.type !== 'request' && message.type !== 'response'
}

function defaultText(field: FieldFacts, kind: string): string {
  const { default: value } = field
  if (value === 'null') return 'null'
  if (kind.startsWith('[]')) return '[]'
  if (kind === 'struct') return '{}'
  if (kind === 'bytes' || kind === 'records') return 'empty'
  if (kind === 'string') return JSON.stringify(value ?? '')
  if (kind === 'uuid') return 'zero'
  if (kind === 'bool') return String(String(value).toLowerCase() === 'true')
  return value === '9223372036854775807' ? 'Infinity' : String(Number(value ?? 0))
}

export function messageLine(name: string, versions: Versions, flexible: number | undefined, type: number | undefined): string {
  return `${name} ${versions.from}-${versions.to} flexible:${flexible ?? 'never'} type:${type ?? 'none'}`
}

export interface FieldTraits {
  readonly nullable: number | undefined
  readonly tag: number | undefined
  readonly default: string
  readonly ignorable: boolean
  readonly mapKey: boolean
  readonly classic: boolean
  readonly entity: string | undefined
}

export function fieldLine(path: string, kind: string, versions: Versions, traits: FieldTraits): string {
  const { nullable, tag, default: absent, ignorable, mapKey, classic, entity } = traits
  const flags = [...(ignorable ? ['ignorable'] : []), ...(mapKey ? ['key'] : []), ...(classic ? ['classic'] : [])].join(',')
  return `${path} ${kind} ${versions.from}-${versions.to} null:${nullable ?? 'never'} tag:${tag ?? 'none'} default:${absent} ${flags} ${entity ?? ''}`.trimEnd()
}

/** A short fingerprint of lines. */
export function fingerprint(lines: readonly string[]): string {
  return createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 16)
}
