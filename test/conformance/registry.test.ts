import { type Cluster, startCluster } from '@millrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { run } from './process-harness.ts'

let cluster: Cluster

beforeAll(async () => {
  cluster = await startCluster({ registry: true })
})
afterAll(() => cluster?.close())

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: any
}

/** `curl`, as a user types it. */
async function curl(
  method: string,
  path: string,
  body?: unknown,
  contentType = 'application/vnd.schemaregistry.v1+json',
): Promise<Answer> {
  const args = ['-sS', '--max-time', '30', '-X', method, '-w', '\n%{http_code} %{content_type}']
  if (body !== undefined)
    args.push('-H', `Content-Type: ${contentType}`, '--data-binary', typeof body === 'string' ? body : JSON.stringify(body))
  const { stdout } = await run('curl', [...args, `${cluster.registryUrl}${path}`])
  const [, text, status, type] = /^([\s\S]*)\n(\d+) (.*)$/.exec(stdout)!
  return { status: Number(status), type: type!, body: JSON.parse(text!) }
}

const recordOf = (...fields: unknown[]) => JSON.stringify({ type: 'record', name: 'Flight', namespace: 'demo', fields })
const origin = { name: 'origin', type: 'string' }
const delay = { name: 'delay', type: 'int', default: 0 }
const distance = { name: 'distance', type: 'int' }
const register = (subject: string, schema: string) => curl('POST', `/subjects/${subject}/versions`, { schema })

describe('curl against the schema registry', () => {
  test('registers, lists, looks up and gets by id', async () => {
    const first = await register('flights-value', recordOf(origin))
    expect(first).toMatchObject({ status: 200, type: 'application/vnd.schemaregistry.v1+json', body: { id: expect.any(Number) } })
    const { id } = first.body
    expect((await register('flights-value', recordOf(origin))).body.id).toBe(id)
    const second = (await register('flights-value', recordOf(origin, delay))).body.id
    expect(second).toBeGreaterThan(id)

    expect((await curl('GET', '/subjects')).body).toContain('flights-value')
    expect((await curl('GET', '/subjects?subjectPrefix=nothing')).body).toEqual([])
    expect((await curl('GET', '/subjects/flights-value/versions')).body).toEqual([1, 2])
    expect((await curl('GET', '/subjects/flights-value/versions/latest')).body).toMatchObject({
      subject: 'flights-value',
      version: 2,
      id: second,
      schemaType: 'AVRO',
      schema: recordOf(origin, delay),
    })
    expect((await curl('GET', '/subjects/flights-value/versions/1/schema')).body).toEqual(JSON.parse(recordOf(origin)))
    expect((await curl('GET', `/schemas/ids/${id}`)).body).toMatchObject({ schema: recordOf(origin), schemaType: 'AVRO' })
    expect((await curl('GET', `/schemas/ids/${id}/schema`)).body).toEqual(JSON.parse(recordOf(origin)))
    expect((await curl('GET', `/schemas/ids/${id}/versions`)).body).toEqual([{ subject: 'flights-value', version: 1 }])
    expect((await curl('POST', '/subjects/flights-value', { schema: recordOf(origin) })).body).toMatchObject({ id, version: 1 })
    expect((await curl('GET', '/schemas/types')).body).toContain('AVRO')
    expect(await curl('GET', '/')).toMatchObject({ status: 200, body: {} })
  })

  test('checks compatibility and refuses an incompatible schema: 409, 40901 and the reason', async () => {
    await register('checked', recordOf(origin))
    const check = (schema: string, query = '') =>
      curl('POST', `/compatibility/subjects/checked/versions/latest${query}`, { schema })
    expect((await check(recordOf(origin, delay))).body).toEqual({ is_compatible: true })
    expect((await check(recordOf(origin, distance))).body).toEqual({ is_compatible: false })
    const { is_compatible, messages } = (await check(recordOf(origin, distance), '?verbose=true')).body
    expect(is_compatible).toBe(false)
    expect(messages.join('\n')).toContain('READER_FIELD_MISSING_DEFAULT_VALUE')
    const refused = await register('checked', recordOf(origin, distance))
    expect(refused).toMatchObject({ status: 409, type: 'application/vnd.schemaregistry.v1+json', body: { error_code: 40901 } })
    expect(refused.body.message).toMatch(/^Schema being registered is incompatible with an earlier schema for subject "checked"/)
    expect(refused.body.message).toContain("'distance'")
    expect((await curl('GET', '/subjects/checked/versions')).body).toEqual([1])
  })

  test('refuses what is no schema: 422, 42201 and the reason', async () => {
    for (const schema of ['{"type":"nonsense"}', '{"type":"record"', '', recordOf({ name: 'a b', type: 'int' })]) {
      const refused = await register('broken', schema)
      expect(refused, schema).toMatchObject({ status: 422, body: { error_code: 42201, message: expect.stringMatching(/.{10}/) } })
    }
    expect(await curl('POST', '/subjects/broken/versions', { schema: '"int"', schemaType: 'NONESUCH' })).toMatchObject({
      status: 422,
      body: { error_code: 42201 },
    })
    expect(await curl('POST', '/subjects/broken/versions', '{"schema"')).toMatchObject({ status: 400, body: { error_code: 400 } })
    expect((await curl('GET', '/subjects')).body).not.toContain('broken')
  })

  test('sets config levels, of everything and of a subject', async () => {
    expect((await curl('GET', '/config')).body).toEqual({ compatibilityLevel: 'BACKWARD' })
    expect((await curl('PUT', '/config', { compatibility: 'FULL' })).body).toEqual({ compatibility: 'FULL' })
    expect((await curl('GET', '/config')).body).toEqual({ compatibilityLevel: 'FULL' })
    expect(await curl('GET', '/config/leveled')).toMatchObject({ status: 404, body: { error_code: 40408 } })
    await register('leveled', recordOf(origin))
    expect(await register('leveled', recordOf(origin, distance))).toMatchObject({ status: 409, body: { error_code: 40901 } })
    expect((await curl('PUT', '/config/leveled', { compatibility: 'none' })).body).toEqual({ compatibility: 'NONE' })
    expect(await register('leveled', recordOf(origin, distance))).toMatchObject({ status: 200 })
    expect((await curl('DELETE', '/config/leveled')).body).toEqual({ compatibilityLevel: 'NONE' })
    expect((await curl('GET', '/config/leveled?defaultToGlobal=true')).body).toEqual({ compatibilityLevel: 'FULL' })
    expect(await curl('PUT', '/config/leveled', { compatibility: 'SOMEWHAT' })).toMatchObject({
      status: 422,
      body: { error_code: 42203, message: expect.stringMatching(/[Ii]nvalid compatibility level/) },
    })
    await curl('PUT', '/config', { compatibility: 'BACKWARD' })
  })

  test('deletes softly, then for good', async () => {
    await register('gone', recordOf(origin))
    await register('gone', recordOf(origin, delay))
    expect(await curl('DELETE', '/subjects/gone/versions/1?permanent=true')).toMatchObject({
      status: 404,
      body: { error_code: 40407 },
    })
    expect((await curl('DELETE', '/subjects/gone/versions/1')).body).toBe(1)
    expect((await curl('GET', '/subjects/gone/versions')).body).toEqual([2])
    expect((await curl('GET', '/subjects/gone/versions?deleted=true')).body).toEqual([1, 2])
    expect(await curl('DELETE', '/subjects/gone?permanent=true')).toMatchObject({ status: 404, body: { error_code: 40405 } })
    expect((await curl('DELETE', '/subjects/gone')).body).toEqual([2])
    expect((await curl('GET', '/subjects')).body).not.toContain('gone')
    expect((await curl('GET', '/subjects?deleted=true')).body).toContain('gone')
    expect((await curl('DELETE', '/subjects/gone?permanent=true')).body).toEqual([1, 2])
    expect((await curl('GET', '/subjects?deleted=true')).body).not.toContain('gone')
  })

  test("answers what is not there with Confluent's codes", async () => {
    expect(await curl('GET', '/subjects/nowhere/versions')).toMatchObject({
      status: 404,
      body: { error_code: 40401, message: "Subject 'nowhere' not found." },
    })
    await register('here', recordOf(origin))
    expect(await curl('GET', '/subjects/here/versions/9')).toMatchObject({
      status: 404,
      body: { error_code: 40402, message: 'Version 9 not found.' },
    })
    expect(await curl('GET', '/subjects/here/versions/zero')).toMatchObject({ status: 422, body: { error_code: 42202 } })
    expect(await curl('GET', '/schemas/ids/99999')).toMatchObject({
      status: 404,
      body: { error_code: 40403, message: 'Schema 99999 not found' },
    })
    expect(await curl('POST', '/subjects/here', { schema: '"long"' })).toMatchObject({ status: 404, body: { error_code: 40403 } })
    expect(await curl('GET', '/no/such/path')).toMatchObject({ status: 404, body: { error_code: 404 } })
    expect(await curl('POST', '/subjects/here/versions', { schema: '"int"' }, 'text/plain')).toMatchObject({
      status: 415,
      body: { error_code: 415 },
    })
  })

  test("keeps its state in _schemas, in Confluent's records", async () => {
    await register('kept', '"string"')
    const { stdout } = await run('kcat', ['-b', cluster.bootstrapServers, '-C', '-t', '_schemas', '-e', '-q', '-f', '%k %s\\n'])
    const [, id] =
      /^\{"keytype":"SCHEMA","subject":"kept","version":1,"magic":1\} \{"subject":"kept","version":1,"id":(\d+),"schema":"\\"string\\"","deleted":false\}$/m.exec(
        stdout,
      )!
    expect((await curl('GET', '/subjects/kept/versions/1')).body.id).toBe(Number(id))
    expect(stdout).toContain('{"keytype":"CONFIG","subject":"leveled","magic":0} ')
  })
})
