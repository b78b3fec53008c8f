import type { FastifyInstance } from 'fastify'
import { beforeEach, describe, expect, it } from 'vitest'
import { registryHttp } from './http.ts'
import { decodeRecord, encodeRecord } from './records.ts'
import { type Decision, Registry } from './registry.ts'

let server: FastifyInstance
let log: { key: string; value: string | null }[]
let registry: Registry

/** A log in memory: what is written is applied from its bytes, as the reader of the topic does. */
beforeEach(() => {
  registry = new Registry()
  log = []
  const writer = {
    write: async <T>(decide: (state: Registry) => Decision<T>) => {
      const { records, answer } = decide(registry)
      for (const record of records) {
        const encoded = encodeRecord(record)
        log.push(encoded)
        registry.apply(decodeRecord(encoded.key, encoded.value))
      }
      return answer()
    },
    caughtUp: async () => {},
  }
  server = registryHttp({ registry, writer, version: 'test' })
})

async function call(method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, body?: unknown) {
  const answer = await server.inject({
    method,
    url,
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  return { status: answer.statusCode, body: answer.json(), type: answer.headers['content-type'] }
}

const record = (...fields: unknown[]) => ({ schema: JSON.stringify({ type: 'record', name: 'R', fields }) })
const a = { name: 'a', type: 'int' }
const withDefault = { name: 'b', type: 'int', default: 1 }
const withoutDefault = { name: 'c', type: 'int' }
const register = (subject: string, body: unknown) => call('POST', `/subjects/${subject}/versions`, body)

describe('registering', () => {
  it('gives ids across subjects and versions within one; the same schema keeps both', async () => {
    expect(await register('s', record(a))).toMatchObject({
      status: 200,
      body: { id: 1, version: 1, subject: 's', schemaType: 'AVRO' },
    })
    expect((await register('s', record(a, withDefault))).body).toMatchObject({ id: 2, version: 2 })
    expect((await register('t', record(a))).body).toMatchObject({ id: 1, version: 1 })
    expect((await register('s', record(a))).body).toMatchObject({ id: 1, version: 1 })
    expect((await call('GET', '/subjects')).body).toEqual(['s', 't'])
    expect((await call('GET', '/subjects/s/versions')).body).toEqual([1, 2])
    expect((await call('GET', '/schemas/ids/1/versions')).body).toEqual([
      { subject: 's', version: 1 },
      { subject: 't', version: 1 },
    ])
  })

  it('writes records of Confluent’s format', async () => {
    await register('s', { schema: '{"type":"string"}' })
    expect(log).toEqual([
      {
        key: '{"keytype":"SCHEMA","subject":"s","version":1,"magic":1}',
        value: '{"subject":"s","version":1,"id":1,"schema":"\\"string\\"","deleted":false}',
      },
    ])
    expect((await call('GET', '/schemas/ids/1')).body.guid).toBe('095d71cf-1255-6b9d-5e33-0ad575b3df5d')
  })

  it('answers 42201 for what is no Avro schema, with the reason', async () => {
    expect(await register('s', { schema: '{"type":"nonsense"}' })).toMatchObject({
      status: 422,
      body: { error_code: 42201, message: expect.stringMatching(/Undefined name/) },
    })
    expect(await register('s', { schema: '' })).toMatchObject({
      status: 422,
      body: { error_code: 42201, message: 'Empty schema' },
    })
    expect(await register('s', { schema: '"int"', schemaType: 'PROTOBUF' })).toMatchObject({
      status: 422,
      body: { error_code: 42201 },
    })
    expect(await register('s', '{bad')).toMatchObject({ status: 400, body: { error_code: 400 } })
  })

  it('refuses an incompatible schema with 40901 and says why', async () => {
    await register('s', record(a))
    expect(await register('s', record(a, withoutDefault))).toMatchObject({
      status: 409,
      body: { error_code: 40901, message: expect.stringMatching(/READER_FIELD_MISSING_DEFAULT_VALUE.*'c'.*oldSchemaVersion: 1/) },
    })
  })

  it('takes references and protects what they refer to', async () => {
    await register('base', { schema: '{"type":"record","name":"n.Base","fields":[]}' })
    const schema = '{"type":"record","name":"User","fields":[{"name":"b","type":"n.Base"}]}'
    expect(await register('user', { schema })).toMatchObject({ body: { error_code: 42201 } })
    expect(await register('user', { schema, references: [{ name: 'n.Base', subject: 'base', version: 1 }] })).toMatchObject({
      body: { id: 2, schema },
    })
    expect((await call('GET', '/subjects/base/versions/1/referencedby')).body).toEqual([2])
    expect(await call('DELETE', '/subjects/base/versions/1')).toMatchObject({ status: 422, body: { error_code: 42206 } })
    expect(await register('user', { schema, references: [{ name: 'n.Base', subject: 'gone', version: 1 }] })).toMatchObject({
      body: { error_code: 42201, message: expect.stringMatching(/No schema reference found/) },
    })
  })

  it('treats a subject with slashes, spaces and Unicode as one name', async () => {
    await register('a%2Fb%20c%20%C3%A9', record(a))
    expect((await call('GET', '/subjects')).body).toEqual(['a/b c é'])
    expect((await call('GET', '/subjects/a%2Fb%20c%20%C3%A9/versions/latest')).body).toMatchObject({ version: 1 })
  })
})

describe('each compatibility level', () => {
  const first = record(a)
  const second = record(a, withDefault)
  /** [level, fields that follow a + b(default), allowed] */
  it.each([
    ['NONE', record(withoutDefault), true],
    ['BACKWARD', record(a, withDefault, { name: 'd', type: 'int', default: 0 }), true],
    ['BACKWARD', record(a, withDefault, withoutDefault), false],
    ['FORWARD', record(a, withDefault, withoutDefault), true],
    ['FORWARD', record(withDefault), false],
    ['FULL', record(a, { name: 'd', type: 'int', default: 0 }), true],
    ['FULL', record(a, withDefault, withoutDefault), false],
    ['BACKWARD_TRANSITIVE', record(a, { name: 'b', type: 'int' }), false],
    ['BACKWARD', record(a, { name: 'b', type: 'int' }), true],
    ['FORWARD_TRANSITIVE', record({ name: 'a', type: 'string' }), false],
    ['FULL_TRANSITIVE', record(a, { name: 'b', type: 'int' }), false],
  ])('%s', async (level, third, allowed) => {
    await register('s', first)
    await register('s', second)
    expect((await call('PUT', '/config/s', { compatibility: level.toLowerCase() })).body).toEqual({ compatibility: level })
    const verdict = await call('POST', '/compatibility/subjects/s/versions?verbose=true', third)
    expect(verdict.body.is_compatible).toBe(allowed)
    expect(verdict.body.messages.length > 0).toBe(!allowed)
    expect((await register('s', third)).status).toBe(allowed ? 200 : 409)
  })

  it('of a subject stands above the global one and can be taken back', async () => {
    expect((await call('GET', '/config')).body).toEqual({ compatibilityLevel: 'BACKWARD' })
    await call('PUT', '/config', { compatibility: 'FULL' })
    expect(await call('GET', '/config/s')).toMatchObject({ status: 404, body: { error_code: 40408 } })
    expect((await call('GET', '/config/s?defaultToGlobal=true')).body).toEqual({ compatibilityLevel: 'FULL' })
    await call('PUT', '/config/s', { compatibility: 'NONE' })
    expect((await call('DELETE', '/config/s')).body).toEqual({ compatibilityLevel: 'NONE' })
    expect(await call('PUT', '/config', { compatibility: 'SIDEWARDS' })).toMatchObject({
      status: 422,
      body: { error_code: 42203 },
    })
  })
})

describe('deleting', () => {
  beforeEach(async () => {
    await register('s', record(a))
    await register('s', record(a, withDefault))
  })

  it('is soft first: ids still resolve, versions are not used again', async () => {
    expect((await call('DELETE', '/subjects/s/versions/2')).body).toBe(2)
    expect((await call('GET', '/subjects/s/versions')).body).toEqual([1])
    expect((await call('GET', '/subjects/s/versions?deleted=true')).body).toEqual([1, 2])
    expect((await call('GET', '/schemas/ids/2')).status).toBe(200)
    expect(await call('DELETE', '/subjects/s/versions/2')).toMatchObject({ status: 404, body: { error_code: 40406 } })
    expect((await register('s', record(a, { name: 'd', type: 'int', default: 0 }))).body).toMatchObject({ version: 3, id: 3 })
  })

  it('for good needs the soft delete before', async () => {
    expect(await call('DELETE', '/subjects/s/versions/1?permanent=true')).toMatchObject({
      status: 404,
      body: { error_code: 40407 },
    })
    expect(await call('DELETE', '/subjects/s?permanent=true')).toMatchObject({ status: 404, body: { error_code: 40405 } })
    expect((await call('DELETE', '/subjects/s')).body).toEqual([1, 2])
    expect(await call('DELETE', '/subjects/s')).toMatchObject({ status: 404, body: { error_code: 40404 } })
    expect((await call('DELETE', '/subjects/s?permanent=true')).body).toEqual([1, 2])
    expect(await call('GET', '/subjects/s/versions')).toMatchObject({ status: 404, body: { error_code: 40401 } })
    expect((await register('s', record({ name: 'z', type: 'int' }))).body).toMatchObject({ version: 1, id: 3 })
  })

  it('leaves a log from which the same state comes', async () => {
    await call('DELETE', '/subjects/s/versions/1')
    await call('PUT', '/config/s', { compatibility: 'NONE' })
    const replayed = new Registry()
    for (const { key, value } of log) replayed.apply(decodeRecord(key, value))
    expect(replayed.schemas({ deleted: true })).toEqual(registry.schemas({ deleted: true }))
    expect(replayed.level('s')).toBe('NONE')
  })
})

describe('the API', () => {
  it.each([
    ['GET', '/subjects/none/versions', 404, 40401],
    ['GET', '/subjects/none/versions/1', 404, 40401],
    ['GET', '/schemas/ids/99', 404, 40403],
    ['GET', '/schemas/ids/99/schema', 404, 40403],
    ['GET', '/schemas/ids/abc', 404, 404],
    ['GET', '/nothing', 404, 404],
    ['POST', '/subjects/s/versions', 422, 422],
    ['POST', '/subjects/__GLOBAL/versions', 422, 422],
    ['PUT', '/mode', 422, 422],
  ] as const)('answers %s %s with %i and error_code %i', async (method, url, status, code) => {
    const answer = await call(method, url)
    expect(answer).toMatchObject({ status, body: { error_code: code } })
    expect(answer.type).toContain('application/vnd.schemaregistry.v1+json')
  })

  it('refuses versions outside the range with 42202, and one that is not there with 40402', async () => {
    await register('s', record(a))
    for (const version of ['0', '-2', 'first', '2147483648']) {
      expect(await call('GET', `/subjects/s/versions/${version}`)).toMatchObject({ status: 422, body: { error_code: 42202 } })
    }
    expect(await call('GET', '/subjects/s/versions/7')).toMatchObject({ status: 404, body: { error_code: 40402 } })
    expect((await call('GET', '/subjects/s/versions/-1/')).body).toMatchObject({ version: 1 })
  })

  it('looks a schema up by its text', async () => {
    await register('s', record(a))
    expect((await call('POST', '/subjects/s', record(a))).body).toMatchObject({ id: 1, version: 1, subject: 's' })
    expect(await call('POST', '/subjects/s', record(withDefault))).toMatchObject({ status: 404, body: { error_code: 40403 } })
    expect(await call('POST', '/subjects/t', record(a))).toMatchObject({ status: 404, body: { error_code: 40401 } })
  })

  it('refuses writes in READONLY with 42205, but gives the id of what is there', async () => {
    await register('s', record(a))
    expect((await call('PUT', '/mode', { mode: 'readonly' })).body).toEqual({ mode: 'READONLY' })
    expect((await register('s', record(a))).body).toMatchObject({ id: 1 })
    expect(await register('s', record(a, withDefault))).toMatchObject({ status: 422, body: { error_code: 42205 } })
    expect(await call('PUT', '/mode', { mode: 'SLEEPY' })).toMatchObject({ status: 422, body: { error_code: 42204 } })
  })

  it('says of a compatibility check against nothing that it is fine', async () => {
    expect((await call('POST', '/compatibility/subjects/none/versions/latest', record(a))).body).toEqual({ is_compatible: true })
    await register('s', record(a))
    expect(await call('POST', '/compatibility/subjects/s/versions/9', record(a))).toMatchObject({ body: { error_code: 40402 } })
    expect((await call('POST', '/compatibility/subjects/s/versions/latest?verbose=true', { schema: '{' })).body).toMatchObject({
      is_compatible: false,
    })
  })
})
