/**
 * Writes `packages/protocol/src/messages/` from a folder of message facts (one JSON a message). Run once for a new release of Kafka, then read
 * the difference: the declarations are the truth afterwards.
 *
 *     node scripts/generate-messages.ts FOLDER
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { apiNotes } from './messages/api-notes.ts'
import { recordFiles } from './messages/record-files.ts'

interface FieldFacts {
  name: string
  type: string
  versions?: string
  taggedVersions?: string
  tag?: number
  nullableVersions?: string
  flexibleVersions?: string
  default?: string | number | boolean | null
  ignorable?: boolean | string
  mapKey?: boolean
  entityType?: string
  fields?: FieldFacts[]
}

interface MessageFacts {
  name: string
  apiKey?: number
  type: string
  listeners?: string[]
  validVersions: string
  flexibleVersions?: string
  fields: FieldFacts[]
  commonStructs?: { name: string; versions?: string; fields: FieldFacts[] }[]
}

interface Range {
  from: number
  to: number
}

const folder = process.argv[2]
if (folder === undefined) {
  console.error(
    'usage: node scripts/generate-messages.ts FOLDER   (the folder that holds request-response/, metadata-records/, …)',
  )
  process.exit(2)
}
const target = new URL('../packages/protocol/src/messages/', import.meta.url).pathname

function parseRange(text: string | undefined): Range | null {
  if (text === undefined || text === 'none') return null
  if (text.endsWith('+')) return { from: Number(text.slice(0, -1)), to: Infinity }
  const [from, to = from] = text.split('-').map(Number) as [number, number?]
  return { from, to }
}

const lowerFirst = (name: string) => name[0]!.toLowerCase() + name.slice(1)

export function kebab(name: string): string {
  return name
    .replace(/KRaft/g, 'Kraft')
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
}

/** The source of one message: its shared structs, its declaration and its type. Collects the constructors it needs in `used`. */
function sourceOf(facts: MessageFacts, used: Set<string>): string {
  const valid = parseRange(facts.validVersions)!
  const flexible = parseRange(facts.flexibleVersions)
  const shared = new Map((facts.commonStructs ?? []).map(struct => [struct.name, struct]))
  const written = new Set<string>()
  const before: string[] = []
  const constName = (name: string) => `${lowerFirst(facts.name)}${name}`

  function fieldsSource(fields: readonly FieldFacts[], around: Range): string {
    const lines = fields.map(field => fieldSource(field, around)).filter(line => line !== null)
    return `{ ${lines.join(', ')} }`
  }

  function fieldSource(field: FieldFacts, around: Range): string | null {
    const own = parseRange(field.versions ?? field.taggedVersions)!
    const range = { from: Math.max(own.from, around.from), to: Math.min(own.to, around.to) }
    if (range.from > range.to) return null
    const options = optionsSource(field, range, around)
    const isArray = field.type.startsWith('[]')
    const type = isArray ? field.type.slice(2) : field.type
    let inner: string
    if (/^[a-z]/.test(type)) {
      const unbounded = field.default === '9223372036854775807'
      const builder = unbounded ? 'unboundedInt64' : type
      used.add(builder)
      inner = isArray ? `${builder}()` : `${builder}(${options})`
      if (!isArray) return `${lowerFirst(field.name)}: ${inner}`
    } else if (field.fields !== undefined && field.fields.length > 0) {
      inner = fieldsSource(field.fields, range)
    } else {
      const struct = shared.get(type)
      if (struct === undefined) throw new Error(`${facts.name}.${field.name}: no struct ${type}`)
      if (!written.has(type)) {
        written.add(type)
        // Shared structs come before their first use; their versions are those of the message or their own.
        const structRange = parseRange(struct.versions) ?? valid
        const clipped = { from: Math.max(structRange.from, valid.from), to: Math.min(structRange.to, valid.to) }
        const body = fieldsSource(struct.fields, clipped)
        before.push(`const ${constName(type)} = ${body} as const`)
      }
      inner = constName(type)
    }
    used.add(isArray ? 'array' : 'struct')
    return `${lowerFirst(field.name)}: ${isArray ? 'array' : 'struct'}(${options === '' ? '' : `${options}, `}${inner})`
  }

  function optionsSource(field: FieldFacts, range: Range, around: Range): string {
    const options: string[] = []
    if (field.tag !== undefined) options.push(`tag: ${field.tag}`)
    if (range.from > around.from) options.push(`since: ${range.from}`)
    if (range.to < around.to) options.push(`until: ${range.to}`)
    const nullable = parseRange(field.nullableVersions)
    if (nullable !== null && nullable.from <= range.to && nullable.to >= range.from)
      options.push(nullable.from <= range.from ? 'nullable: true' : `nullable: ${nullable.from}`)
    const value = defaultSource(field)
    if (value !== null) options.push(`default: ${value}`)
    if (field.flexibleVersions === 'none') options.push('classic: true')
    if (field.ignorable === true || field.ignorable === 'true') options.push('ignorable: true')
    if (field.mapKey === true) options.push('mapKey: true')
    if (field.entityType !== undefined) options.push(`entity: '${field.entityType}'`)
    return options.length === 0 ? '' : `{ ${options.join(', ')} }`
  }

  function defaultSource(field: FieldFacts): string | null {
    // A JSON null is no default at all (the empty list, the empty struct); the text 'null' is the default null.
    if (field.default === undefined || field.default === null || field.default === '') return null
    const text = String(field.default)
    if (text === 'null') return 'null'
    if (field.type === 'bool') return text.toLowerCase() === 'true' ? 'true' : null
    if (field.type === 'string') return `'${text}'`
    if (text === '9223372036854775807') return null
    return Number(text) === 0 ? null : text
  }

  const body = fieldsSource(facts.fields, valid)
  const versions = valid.from === valid.to ? `${valid.from}` : `${valid.from}-${valid.to}`
  const flexibleFrom = flexible === null ? '' : `, flexible: ${flexible.from}`
  const type =
    facts.apiKey === undefined || facts.type === 'request' || facts.type === 'response' ? '' : `type: ${facts.apiKey}, `
  used.add('message')
  return [
    ...before,
    `export const ${facts.name} = message('${facts.name}', { ${type}versions: '${versions}'${flexibleFrom} }, ${body})`,
    `export interface ${facts.name} extends ValueOf<typeof ${facts.name}> {}`,
  ].join('\n\n')
}

function importsSource(used: Set<string>, depth: string): string {
  const api = used.delete('api')
  const names = [...used].sort()
  return `${api ? `import { api } from '${depth}api.ts'\n` : ''}import { ${names.join(', ')}, type ValueOf } from '${depth}schema.ts'\n`
}

function load(path: string): MessageFacts {
  return JSON.parse(readFileSync(join(folder!, path), 'utf8'))
}

const comment = (text: string) =>
  `/**\n${text
    .split('\n')
    .map(line => ` * ${line}`.trimEnd())
    .join('\n')}\n */\n`

rmSync(target, { recursive: true, force: true })
mkdirSync(join(target, 'records'), { recursive: true })

const apiFiles: { key: number; name: string; file: string }[] = []
for (const path of readdirSync(join(folder, 'request-response')).filter(name => name.endsWith('Request.json'))) {
  const request = load(`request-response/${path}`)
  if (request.validVersions === 'none') continue
  const response = load(`request-response/${path.replace('Request.json', 'Response.json')}`)
  const name = request.name.replace(/Request$/, '')
  const notes = apiNotes[name]
  if (notes === undefined) throw new Error(`no note for ${name} in scripts/messages/api-notes.ts`)
  const used = new Set(['api'])
  const parts = [sourceOf(request, used), sourceOf(response, used)]
  const listeners = (request.listeners ?? []).map(listener => `'${listener}'`).join(', ')
  const stable = notes.spoken === undefined ? '' : `, versions: '${notes.spoken}'`
  const flags = `${notes.clusterAction ? ', clusterAction: true' : ''}${notes.forwarded ? ', forwarded: true' : ''}`
  const declaration = `export const ${name} = api({ key: ${request.apiKey}, name: '${name}'${stable}, listeners: [${listeners}]${flags}, request: ${name}Request, response: ${name}Response })`
  const file = `${kebab(name)}.ts`
  apiFiles.push({ key: request.apiKey!, name, file })
  const header = comment(`${name} (key ${request.apiKey}): ${notes.text}`)
  writeFileSync(join(target, file), `${header}${importsSource(used, '../')}\n${parts.join('\n\n')}\n\n${declaration}\n`)
}
apiFiles.sort((a, b) => a.key - b.key)

const recordMessages = new Map<string, MessageFacts>()
for (const part of ['metadata-records', 'coordinator-records', 'embedded', 'other-records'])
  for (const path of readdirSync(join(folder, part))) {
    const facts = load(`${part}/${path}`)
    recordMessages.set(facts.name, facts)
  }
for (const { file, text, names } of recordFiles) {
  const used = new Set<string>()
  const parts = names.map(name => {
    const facts = recordMessages.get(name)
    if (facts === undefined) throw new Error(`no facts for ${name}`)
    recordMessages.delete(name)
    return sourceOf(facts, used)
  })
  writeFileSync(join(target, 'records', file), `${comment(text)}${importsSource(used, '../../')}\n${parts.join('\n\n')}\n`)
}
if (recordMessages.size > 0)
  throw new Error(`in no file of scripts/messages/record-files.ts: ${[...recordMessages.keys()].join(', ')}`)

const doors = [...apiFiles.map(({ file }) => `./${file}`), ...recordFiles.map(({ file }) => `./records/${file}`)]
writeFileSync(
  join(target, 'index.ts'),
  `/** Every declared message. */\n${doors
    .sort()
    .map(path => `export * from '${path}'\n`)
    .join('')}`,
)
const table = apiFiles.map(({ name, file }) => `import { ${name} } from './${file}'\n`).join('')
writeFileSync(
  join(target, 'all-apis.ts'),
  `import type { Api } from '../api.ts'\n${table}\n/** Every API that is not retired, by key. */\nexport const apis: readonly Api<any, any>[] = [${apiFiles.map(({ name }) => name).join(', ')}]\n`,
)
execFileSync('biome', ['check', '--write', target], { stdio: 'inherit' })
