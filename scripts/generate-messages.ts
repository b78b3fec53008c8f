/**
 * Writes `packages/protocol/src/messages/` and `test/fixtures/protocol-digest.json` from a folder of message facts (one JSON a
 * message). Run once for a new release of Kafka, then read the difference: the declarations are the truth afterwards.
 *
 * node scripts/generate-messages.ts FOLDER
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { apiNotes } from './messages/api-notes.ts'
import {
  type FieldFacts,
  factLines,
  fingerprint,
  intersection,
  isRecord,
  loadFacts,
  lowerFirst,
  type MessageFacts,
  parseVersions,
  type Versions,
} from './messages/facts.ts'
import { recordFiles } from './messages/record-files.ts'

const folder = process.argv[2]
if (folder === undefined) {
  console.error(
    'usage: node scripts/generate-messages.ts FOLDER   (the folder that holds request-response/, metadata-records/, …)',
  )
  process.exit(2)
}
const target = new URL('../packages/protocol/src/messages/', import.meta.url).pathname

function kebab(name: string): string {
  return name
    .replace(/KRaft/g, 'Kraft')
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
}

/** The source of one message: its shared structs, its declaration and its type. Collects the constructors it needs in `used`. */
function sourceOf(facts: MessageFacts, used: Set<string>): string {
  const valid = parseVersions(facts.validVersions)!
  const flexible = parseVersions(facts.flexibleVersions)
  const shared = new Map((facts.commonStructs ?? []).map(struct => [struct.name, struct]))
  const written = new Set<string>()
  const before: string[] = []
  const constName = (name: string) => `${lowerFirst(facts.name)}${name}`

  function fieldsSource(fields: readonly FieldFacts[], around: Versions): string {
    const lines = fields.map(field => fieldSource(field, around)).filter(line => line !== null)
    return `{ ${lines.join(', ')} }`
  }

  function fieldSource(field: FieldFacts, around: Versions): string | null {
    const own = parseVersions(field.versions ?? field.taggedVersions)!
    const range = intersection(own, around)
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
        const structRange = parseVersions(struct.versions) ?? valid
        const body = fieldsSource(struct.fields, intersection(structRange, valid))
        before.push(`const ${constName(type)} = ${body} as const`)
      }
      inner = constName(type)
    }
    used.add(isArray ? 'array' : 'struct')
    return `${lowerFirst(field.name)}: ${isArray ? 'array' : 'struct'}(${options === '' ? '' : `${options}, `}${inner})`
  }

  function optionsSource(field: FieldFacts, range: Versions, around: Versions): string {
    const options: string[] = []
    if (field.tag !== undefined) options.push(`tag: ${field.tag}`)
    if (range.from > around.from) options.push(`since: ${range.from}`)
    if (range.to < around.to) options.push(`until: ${range.to}`)
    const nullable = parseVersions(field.nullableVersions)
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

const facts = loadFacts(folder)
/** A documentation comment in lines that fit; a newline of the text stays one. */
function comment(text: string): string {
  const width = 126
  const lines = text.split('\n').flatMap(paragraph => {
    const wrapped: string[] = ['']
    for (const word of paragraph.split(' ')) {
      const last = wrapped.at(-1)!
      if (last !== '' && last.length + 1 + word.length > width) wrapped.push(word)
      else wrapped[wrapped.length - 1] = last === '' ? word : `${last} ${word}`
    }
    return wrapped
  })
  if (lines.length === 1 && lines[0]!.length < width - 4) return `/** ${lines[0]} */\n`
  return `/**\n${lines.map(line => ` * ${line}`).join('\n')}\n */\n`
}

mkdirSync(join(target, 'records'), { recursive: true })
const stale = new Set(readdirSync(target, { recursive: true, encoding: 'utf8' }).filter(path => path.endsWith('.ts')))

function write(path: string, text: string): void {
  stale.delete(path)
  writeFileSync(join(target, path), text)
}

const apiFiles: { key: number; name: string; file: string }[] = []
for (const request of [...facts.values()].filter(message => message.type === 'request')) {
  const response = facts.get(request.name.replace(/Request$/, 'Response'))!
  const name = request.name.replace(/Request$/, '')
  const notes = apiNotes[name]
  if (notes === undefined) throw new Error(`no note for ${name} in scripts/messages/api-notes.ts`)
  const used = new Set(['api'])
  const parts = [sourceOf(request, used), sourceOf(response, used)]
  const listeners = [...(request.listeners ?? [])]
    .sort()
    .map(listener => `'${listener}'`)
    .join(', ')
  const stable = notes.spoken === undefined ? '' : `, versions: '${notes.spoken}'`
  const flags = `${notes.clusterAction ? ', clusterAction: true' : ''}${notes.forwarded ? ', forwarded: true' : ''}`
  const declaration = `export const ${name} = api({ key: ${request.apiKey}, name: '${name}'${stable}, listeners: [${listeners}]${flags}, request: ${name}Request, response: ${name}Response })`
  const file = `${kebab(name)}.ts`
  apiFiles.push({ key: request.apiKey!, name, file })
  const header = comment(`${name} (key ${request.apiKey}): ${notes.text}`)
  write(file, `${header}${importsSource(used, '../')}\n${parts.join('\n\n')}\n\n${declaration}\n`)
}
apiFiles.sort((a, b) => a.key - b.key)

const recordMessages = new Map([...facts].filter(([, message]) => isRecord(message)))
for (const { file, text, names } of recordFiles) {
  const used = new Set<string>()
  const parts = names.map(name => {
    const message = recordMessages.get(name)
    if (message === undefined) throw new Error(`no facts for ${name}`)
    recordMessages.delete(name)
    return sourceOf(message, used)
  })
  write(`records/${file}`, `${comment(text)}${importsSource(used, '../../')}\n${parts.join('\n\n')}\n`)
}
if (recordMessages.size > 0)
  throw new Error(`in no file of scripts/messages/record-files.ts: ${[...recordMessages.keys()].join(', ')}`)

const doors = [...apiFiles.map(({ file }) => `./${file}`), ...recordFiles.map(({ file }) => `./records/${file}`)]
write(
  'index.ts',
  `/** Every declared message. */\n${doors
    .sort()
    .map(path => `export * from '${path}'\n`)
    .join('')}`,
)
const table = apiFiles.map(({ name, file }) => `import { ${name} } from './${file}'\n`).join('')
write(
  'all-apis.ts',
  `import type { Api } from '../api.ts'\n${table}\n/** Every API that is not retired, by key. */\nexport const apis: readonly Api<any, any>[] = [${apiFiles.map(({ name }) => name).join(', ')}]\n`,
)
for (const path of stale) rmSync(join(target, path))
execFileSync('biome', ['check', '--write', target], { stdio: 'inherit' })

const digest = Object.fromEntries([...facts.values()].map(message => [message.name, fingerprint(factLines(message))]))
writeFileSync(new URL('../test/fixtures/protocol-digest.json', import.meta.url), `${JSON.stringify(digest, null, 1)}\n`)
