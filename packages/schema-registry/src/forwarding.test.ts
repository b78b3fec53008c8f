import type { FastifyInstance } from 'fastify'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { registryErrors } from './errors.ts'
import { registryHttp } from './http.ts'
import type { Primary } from './primary.ts'
import { decodeRecord, encodeRecord } from './records.ts'
import { type Decision, Registry } from './registry.ts'

interface Instance {
  readonly server: FastifyInstance
  readonly registry: Registry
  readonly primary: { isHere: boolean; to: string | null }
  readonly requests: { readonly headers: Record<string, unknown> }[]
  url: string
}

/** What all instances have read; one that `lags` reads when it is told to catch up. */
let log: { key: string; value: string | null }[]
let instances: Instance[]

async function instance(isHere: boolean, waited: number[] = []): Promise<Instance> {
  const registry = new Registry()
  let applied = 0
  const caughtUp = async () => {
    for (; applied < log.length; applied++) registry.apply(decodeRecord(log[applied]!.key, log[applied]!.value))
  }
  const state = { isHere, to: null as string | null }
  const primary: Primary = {
    get isHere() {
      return state.isHere
    },
    url: async waitMs => {
      waited.push(waitMs)
      if (state.to === null) throw registryErrors.unknownPrimary()
      return state.to
    },
  }
  const writer = {
    caughtUp,
    write: async <T>(decide: (registry: Registry) => Decision<T>) => {
      await caughtUp()
      const { records, answer } = decide(registry)
      log.push(...records.map(encodeRecord))
      await caughtUp()
      return answer()
    },
  }
  const server = registryHttp({
    registry,
    writer,
    version: 'test',
    forwarding: { primary, timeoutMs: 600, sleep: async () => {} },
  })
  const requests: { headers: Record<string, unknown> }[] = []
  server.addHook('onRequest', async ({ headers }) => void requests.push({ headers }))
  const made: Instance = { server, registry, primary: state, requests, url: '' }
  instances.push(made)
  made.url = await server.listen({ host: '127.0.0.1', port: 0 })
  return made
}

let primary: Instance
let secondary: Instance
beforeEach(async () => {
  log = []
  instances = []
  primary = await instance(true)
  secondary = await instance(false)
  secondary.primary.to = primary.url
})
afterEach(() => Promise.all(instances.map(({ server }) => server.close())))

const schema = (name: string) => ({ schema: JSON.stringify({ type: 'record', name, fields: [] }) })
async function call({ server }: Instance, method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, body?: object, headers = {}) {
  const answer = await server.inject({
    method,
    url,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body ? { payload: JSON.stringify(body) } : {}),
  })
  return { status: answer.statusCode, body: answer.json() }
}

it('a write to another instance is the primary’s, and read there at once', async () => {
  expect(await call(secondary, 'POST', '/subjects/s%2F1/versions?normalize=true', schema('R'))).toMatchObject({
    status: 200,
    body: { id: 1, version: 1, subject: 's/1' },
  })
  expect(primary.requests).toHaveLength(1)
  expect(primary.requests[0]!.headers['x-forward']).toBe('true')
  expect((await call(secondary, 'GET', '/schemas/ids/1')).status).toBe(200)
  expect(await call(secondary, 'PUT', '/config/s%2F1', { compatibility: 'NONE' })).toEqual({
    status: 200,
    body: { compatibility: 'NONE' },
  })
  expect(await call(secondary, 'DELETE', '/subjects/s%2F1')).toEqual({ status: 200, body: [1] })
})

it('its refusals are passed on as they are, with who asked and without what belongs to the connection', async () => {
  const headers = { authorization: 'Basic eA==', cookie: 'c=1' }
  const refused = await call(secondary, 'DELETE', '/subjects/none', undefined, headers)
  expect(refused).toEqual({ status: 404, body: { error_code: 40401, message: "Subject 'none' not found." } })
  expect(primary.requests[0]!.headers).toMatchObject({ authorization: 'Basic eA==' })
  expect(primary.requests[0]!.headers['cookie']).toBeUndefined()
})

it('what is registered already needs no primary, nor do reads', async () => {
  await call(secondary, 'POST', '/subjects/s/versions', schema('R'))
  await primary.server.close()
  expect((await call(secondary, 'POST', '/subjects/s/versions', schema('R'))).body).toMatchObject({ id: 1, version: 1 })
  expect((await call(secondary, 'GET', '/subjects')).body).toEqual(['s'])
  expect(await call(secondary, 'POST', '/subjects/s/versions', schema('Other'))).toMatchObject({
    status: 500,
    body: { error_code: 50003 },
  })
})

it('without a primary it says so, and what was forwarded once is not forwarded again', async () => {
  secondary.primary.to = null
  expect(await call(secondary, 'PUT', '/config', { compatibility: 'NONE' })).toMatchObject({
    status: 500,
    body: { error_code: 50004 },
  })
  secondary.primary.to = primary.url
  expect(await call(secondary, 'PUT', '/config', { compatibility: 'NONE' }, { 'x-forward': 'true' })).toMatchObject({
    body: { error_code: 50004 },
  })
  expect(primary.requests).toEqual([])
})

it('waits for the one that comes after a primary that is gone, and writes itself when that is it', async () => {
  const next = await instance(true)
  const gone = primary.url
  await primary.server.close()
  let asked = 0
  const waiting: Primary = {
    get isHere() {
      return false
    },
    url: async () => (++asked < 3 ? gone : next.url),
  }
  const third = registryHttp({
    registry: new Registry(),
    writer: { write: async () => Promise.reject(new Error('not here')), caughtUp: async () => {} },
    version: 'test',
    forwarding: { primary: waiting, timeoutMs: 5_000, sleep: async () => {} },
  })
  const answer = await third.inject({
    method: 'PUT',
    url: '/config',
    headers: { 'content-type': 'application/json' },
    payload: '{"compatibility":"FULL"}',
  })
  expect([answer.statusCode, asked]).toEqual([200, 3])
  await third.close()

  // Elected while the request waited.
  secondary.primary.to = gone
  const elected = secondary.primary
  Object.defineProperty(elected, 'to', {
    get: () => {
      elected.isHere = true
      return gone
    },
  })
  expect((await call(secondary, 'PUT', '/config', { compatibility: 'NONE' })).body).toEqual({ compatibility: 'NONE' })
})
