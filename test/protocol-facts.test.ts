import { readFileSync } from 'node:fs'
import type { Field, Fields, Message } from '@millrace/protocol'
import * as protocol from '@millrace/protocol'
import { describe, expect, it } from 'vitest'
import { factLines, fieldLine, fingerprint, loadFacts, messageLine, type Versions } from '../scripts/messages/facts.ts'

const messages = Object.values(protocol).filter(
  (value): value is Message<any> => typeof value === 'object' && value !== null && 'flexibleFrom' in value,
)
const digest: Record<string, string> = JSON.parse(readFileSync(new URL('fixtures/protocol-digest.json', import.meta.url), 'utf8'))
/** A folder of message facts, if there is one on this machine; the digest was made from it. */
const folder = process.env['MILLRACE_PROTOCOL_FACTS']

/** A declaration in the form of `factLines`. */
function declaredLines(message: Message<any>): string[] {
  const valid = { from: message.versions.min, to: message.versions.max }
  const flexible = Number.isFinite(message.flexibleFrom) ? message.flexibleFrom : undefined
  const lines = [messageLine(message.name, valid, flexible, message.type)]
  const walk = (fields: Fields, path: string, around: Versions) => {
    for (const [key, field] of Object.entries(fields)) {
      const range = { from: Math.max(field.since, around.from), to: Math.min(field.until, around.to) }
      const name = `${path}.${key}`
      const element = field.element ?? field
      lines.push(
        fieldLine(name, `${field.kind === 'array' ? '[]' : ''}${element.kind}`, range, {
          nullable: Number.isFinite(field.nullableSince) ? Math.max(field.nullableSince, range.from) : undefined,
          tag: field.tag < 0 ? undefined : field.tag,
          default: defaultText(field),
          ignorable: field.ignorable,
          mapKey: field.mapKey,
          classic: field.classic,
          entity: field.entity,
        }),
      )
      if (element.fields !== undefined) walk(element.fields, name, range)
    }
  }
  walk(message.fields, '', valid)
  return lines
}

function defaultText(field: Field<any>): string {
  if (field.default === null) return 'null'
  if (field.kind === 'array') return '[]'
  if (field.kind === 'struct') return '{}'
  if (field.kind === 'bytes' || field.kind === 'records') return 'empty'
  if (field.kind === 'uuid') return 'zero'
  return field.kind === 'string' ? JSON.stringify(field.default) : String(field.default)
}

describe('the declared messages', () => {
  it('are those of the digest, field by field', () => {
    const declared = Object.fromEntries(messages.map(message => [message.name, fingerprint(declaredLines(message))]))
    expect(declared).toEqual(digest)
  })

  it('are 182 requests and responses of 91 APIs, and 97 records', () => {
    const requests = messages.filter(
      ({ name }) =>
        /(Request|Response)$/.test(name) && protocol.apis.some(api => name === api.request.name || name === api.response.name),
    )
    expect(requests).toHaveLength(182)
    expect(messages).toHaveLength(182 + 97)
  })

  it.runIf(folder !== undefined)('are what the facts say, line by line', () => {
    const facts = loadFacts(folder!)
    expect(messages.map(({ name }) => name).sort()).toEqual([...facts.keys()].sort())
    for (const message of messages) expect(declaredLines(message)).toEqual(factLines(facts.get(message.name)!))
  })
})
