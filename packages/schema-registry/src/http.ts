import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { RegistryError, registryErrors } from './errors.ts'
import { forward, forwardHeader } from './forwarding.ts'
import type { SchemaInput } from './parsed-schemas.ts'
import type { Primary } from './primary.ts'
import type { Decision, Registry } from './registry.ts'
import type { SchemaVersion } from './schema-versions.ts'

/** What the routes need of the store: decisions are written one at a time and answered when applied. */
export interface RegistryWriter {
  write<T>(decide: (registry: Registry) => Decision<T>): Promise<T>
  /** Resolves when everything that is in the store by now has been applied. */
  caughtUp(): Promise<void>
}

/** How writes reach the one of several registries that may write. */
export interface ForwardingOptions {
  readonly primary: Primary
  /** How long an election, and the primary's answer, may take. */
  readonly timeoutMs: number
  readonly sleep: (ms: number) => Promise<void>
}

export interface HttpOptions {
  readonly registry: Registry
  readonly writer: RegistryWriter
  /** A larger request body is refused. Default 1 MiB. */
  readonly maxBodyBytes?: number
  readonly version: string
  /** Default: this is the only registry. */
  readonly forwarding?: ForwardingOptions
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'
type Query = Record<string, string | undefined>
type Parameters = Record<string, string>

const contentTypes = [
  'application/vnd.schemaregistry.v1+json',
  'application/vnd.schemaregistry+json',
  'application/json',
  'application/octet-stream',
]

/** Confluent's REST API over the registry: a Fastify instance that is not listening yet; `inject` answers in process. */
export function registryHttp({
  registry,
  writer,
  maxBodyBytes = 1024 * 1024,
  version,
  forwarding,
}: HttpOptions): FastifyInstance {
  const server = fastify({
    bodyLimit: maxBodyBytes,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1024 },
    forceCloseConnections: true,
  })
  acceptBodies(server)
  answerErrors(server)
  server.addHook('onSend', async (_, reply) => {
    reply.header('content-type', contentTypes[0]!).header('cache-control', 'no-cache, no-store')
  })
  // Bare numbers, texts and arrays are JSON too.
  server.setReplySerializer(payload => JSON.stringify(payload))

  const on = (method: Method, url: string, answer: (request: RequestParts) => unknown) =>
    server.route({ method, url, handler: (request, reply) => reply.send2(request, answer) })
  /** `isThere`: a write that changes nothing is answered here, with no primary at all. */
  const onWrite = (
    method: Method,
    url: string,
    answer: (request: RequestParts) => unknown,
    isThere: (request: RequestParts) => boolean = () => false,
  ) =>
    server.route({
      method,
      url,
      handler: async (request, reply) => {
        if (forwarding && !forwarding.primary.isHere && !isThere(partsOf(request))) {
          const answered = await askPrimary(forwarding, request)
          if (answered !== 'here') {
            // Whoever wrote through this instance reads from it what was written.
            if (answered.status < 300) await writer.caughtUp()
            return reply.code(answered.status).send(answered.body)
          }
        }
        return reply.send2(request, answer)
      },
    })
  // `reply.send2` keeps each route to one line: parts of the request in, value out.
  server.decorateReply(
    'send2',
    async function (this: FastifyReply, request: FastifyRequest, answer: (parts: RequestParts) => unknown) {
      const value = await answer(partsOf(request))
      this.send(value === undefined ? {} : value)
      return this
    },
  )

  on('GET', '/', () => ({}))
  on('POST', '/', () => ({}))

  on('GET', '/subjects', ({ query }) =>
    page(
      registry.subjects({ prefix: subjectPrefix(query), deleted: flag(query.deleted), deletedOnly: flag(query.deletedOnly) }),
      query,
    ),
  )
  on('POST', '/subjects/:subject', ({ parameters, query, body }) => {
    const found = registry.lookUp(parameters.subject!, schemaInput(body), {
      normalize: flag(query.normalize),
      deleted: flag(query.deleted),
    })
    return version8(found)
  })
  onWrite('DELETE', '/subjects/:subject', ({ parameters, query }) =>
    writer.write(state => state.deleteSubject(parameters.subject!, flag(query.permanent))),
  )
  on('GET', '/subjects/:subject/versions', ({ parameters, query }) =>
    page(registry.versions(parameters.subject!, { deleted: flag(query.deleted), deletedOnly: flag(query.deletedOnly) }), query),
  )
  const registration = ({ parameters, query, body }: RequestParts) => {
    const input = schemaInput(body)
    return (state: Registry) => state.register(parameters.subject!, input, { normalize: flag(query.normalize) })
  }
  onWrite(
    'POST',
    '/subjects/:subject/versions',
    async request => version8(await writer.write(registration(request))),
    request => {
      try {
        return registration(request)(registry).records.length === 0
      } catch {
        // The primary may know more; it says what is wrong.
        return false
      }
    },
  )
  on('GET', '/subjects/:subject/versions/:version', ({ parameters, query }) =>
    version8(registry.version(parameters.subject!, versionOf(parameters.version!), flag(query.deleted))),
  )
  on('GET', '/subjects/:subject/versions/:version/schema', ({ parameters, query }) =>
    JSON.parse(registry.version(parameters.subject!, versionOf(parameters.version!), flag(query.deleted)).schema),
  )
  on('GET', '/subjects/:subject/versions/:version/referencedby', ({ parameters }) =>
    registry.referencedBy(parameters.subject!, versionOf(parameters.version!)),
  )
  onWrite('DELETE', '/subjects/:subject/versions/:version', ({ parameters, query }) => {
    const version = versionOf(parameters.version!)
    return writer.write(state => state.deleteVersion(parameters.subject!, version, flag(query.permanent)))
  })

  on('GET', '/schemas', ({ query }) =>
    page(
      registry
        .schemas({ prefix: subjectPrefix(query), deleted: flag(query.deleted), latestOnly: flag(query.latestOnly) })
        .map(version8),
      query,
    ),
  )
  on('GET', '/schemas/types', () => ['AVRO'])
  on('GET', '/schemas/ids/:id', ({ parameters }) => version8(registry.schemaById(idOf(parameters.id!))))
  on('GET', '/schemas/ids/:id/schema', ({ parameters }) => JSON.parse(registry.schemaById(idOf(parameters.id!)).schema))
  on('GET', '/schemas/ids/:id/subjects', ({ parameters, query }) => [
    ...new Set(registry.versionsOfId(idOf(parameters.id!), flag(query.deleted)).map(({ subject }) => subject)),
  ])
  on('GET', '/schemas/ids/:id/versions', ({ parameters, query }) =>
    registry.versionsOfId(idOf(parameters.id!), flag(query.deleted)),
  )
  on('GET', '/schemas/guids/:guid', ({ parameters }) => version8(registry.schemaByGuid(parameters.guid!)))
  on('GET', '/schemas/guids/:guid/ids', ({ parameters }) => [{ context: '.', id: registry.schemaByGuid(parameters.guid!).id }])

  on('POST', '/compatibility/subjects/:subject/versions', ({ parameters, query, body }) =>
    verdict(
      registry.compatibility(parameters.subject!, schemaInput(body), 'all', {
        normalize: flag(query.normalize),
        verbose: flag(query.verbose),
      }),
      query,
    ),
  )
  on('POST', '/compatibility/subjects/:subject/versions/:version', ({ parameters, query, body }) =>
    verdict(
      registry.compatibility(parameters.subject!, schemaInput(body), versionOf(parameters.version!), {
        normalize: flag(query.normalize),
        verbose: flag(query.verbose),
      }),
      query,
    ),
  )

  on('GET', '/config', () => ({ compatibilityLevel: registry.level(null) }))
  onWrite('PUT', '/config', async ({ body }) => ({
    compatibility: await writer.write(state => state.setLevel(null, word(body, 'compatibility'))),
  }))
  onWrite('DELETE', '/config', async () => ({ compatibilityLevel: await writer.write(state => state.deleteLevel(null)) }))
  on('GET', '/config/:subject', ({ parameters, query }) => ({
    compatibilityLevel: flag(query.defaultToGlobal)
      ? registry.level(parameters.subject!)
      : registry.ownLevel(parameters.subject!),
  }))
  onWrite('PUT', '/config/:subject', async ({ parameters, body }) => ({
    compatibility: await writer.write(state => state.setLevel(parameters.subject!, word(body, 'compatibility'))),
  }))
  onWrite('DELETE', '/config/:subject', async ({ parameters }) => ({
    compatibilityLevel: await writer.write(state => state.deleteLevel(parameters.subject!)),
  }))

  on('GET', '/mode', () => ({ mode: registry.mode(null) }))
  onWrite('PUT', '/mode', async ({ body }) => ({ mode: await writer.write(state => state.setMode(null, word(body, 'mode'))) }))
  on('GET', '/mode/:subject', ({ parameters, query }) => ({
    mode: flag(query.defaultToGlobal) ? registry.mode(parameters.subject!) : registry.ownMode(parameters.subject!),
  }))
  onWrite('PUT', '/mode/:subject', async ({ parameters, body }) => ({
    mode: await writer.write(state => state.setMode(parameters.subject!, word(body, 'mode'))),
  }))
  onWrite('DELETE', '/mode/:subject', async ({ parameters }) => ({
    mode: await writer.write(state => state.deleteMode(parameters.subject!)),
  }))

  on('GET', '/contexts', () => ['.'])
  on('GET', '/v1/metadata/id', () => ({
    scope: { path: [], clusters: { 'schema-registry-cluster': 'schema-registry' } },
    id: '',
  }))
  on('GET', '/v1/metadata/version', () => ({ version, commitId: '' }))
  return server
}

function partsOf(request: FastifyRequest): RequestParts {
  return {
    parameters: request.params as Parameters,
    query: request.query as Query,
    body: (request.body ?? null) as Record<string, unknown> | null,
  }
}

/** A request that another registry has forwarded goes no further: the two disagree for the moment on who the primary is. */
async function askPrimary({ primary, timeoutMs, sleep }: ForwardingOptions, { method, url, headers, body }: FastifyRequest) {
  if (headers[forwardHeader] !== undefined) throw registryErrors.unknownPrimary()
  return forward(primary, { method, path: url, headers, body: body ?? null }, timeoutMs, sleep)
}

declare module 'fastify' {
  interface FastifyReply {
    send2(request: FastifyRequest, answer: (parts: RequestParts) => unknown): Promise<FastifyReply>
  }
}

interface RequestParts {
  readonly parameters: Parameters
  readonly query: Query
  readonly body: Record<string, unknown> | null
}

function acceptBodies(server: FastifyInstance): void {
  server.removeAllContentTypeParsers()
  for (const type of contentTypes) {
    server.addContentTypeParser(type, { parseAs: 'string' }, (_, text, done) => {
      if (text === '') return done(null, null)
      try {
        // A reviver sees every name: the ones that reach a prototype are refused.
        done(
          null,
          JSON.parse(text as string, (name, value) => (name === '__proto__' ? undefined : value)),
        )
      } catch (error) {
        done(new RegistryError(400, `Unrecognized token: ${(error as Error).message}`), undefined)
      }
    })
  }
}

function answerErrors(server: FastifyInstance): void {
  server.setErrorHandler((error: Error & { statusCode?: number }, _, reply) => {
    if (error instanceof RegistryError)
      return reply.code(error.httpStatus).send({ error_code: error.errorCode, message: error.message })
    const status = error.statusCode ?? 500
    return reply.code(status).send({ error_code: status === 500 ? 50001 : status, message: error.message })
  })
  server.setNotFoundHandler((_, reply) => reply.code(404).send({ error_code: 404, message: 'HTTP 404 Not Found' }))
}

/** The 8.x dialect: `schemaType` always, what is empty left out. */
function version8({ subject, version, id, guid, schemaType, references, metadata, schema, deleted }: SchemaVersion) {
  return {
    subject,
    version,
    id,
    guid,
    schemaType,
    ...(references.length > 0 ? { references } : {}),
    ...(metadata === undefined ? {} : { metadata }),
    schema,
    ...(deleted ? { deleted } : {}),
  }
}

function verdict(messages: readonly string[], query: Query): { is_compatible: boolean; messages?: readonly string[] } {
  return { is_compatible: messages.length === 0, ...(flag(query.verbose) ? { messages } : {}) }
}

function schemaInput(body: Record<string, unknown> | null): SchemaInput {
  if (!body) throw new RegistryError(422, 'may not be null')
  const { schema = '', schemaType, references, metadata } = body
  if (typeof schema !== 'string' || (schemaType != null && typeof schemaType !== 'string'))
    throw new RegistryError(400, 'schema and schemaType must be text')
  if (references != null && !(Array.isArray(references) && references.every(isReference))) {
    throw new RegistryError(400, 'references must be an array of {name, subject, version}')
  }
  return { schema, schemaType: schemaType ?? undefined, references: references ?? undefined, metadata: metadata ?? undefined }
}

function isReference(value: { name?: unknown; subject?: unknown; version?: unknown } | null): boolean {
  return typeof value?.name === 'string' && typeof value.subject === 'string' && Number.isInteger(value.version)
}

function word(body: Record<string, unknown> | null, name: string): string {
  if (!body) throw new RegistryError(422, 'may not be null')
  return typeof body[name] === 'string' ? (body[name] as string) : ''
}

function versionOf(text: string): number | 'latest' {
  if (text.toLowerCase() === 'latest' || text === '-1') return 'latest'
  const version = /^\d+$/.test(text) ? Number(text) : 0
  if (version < 1 || version > 2 ** 31 - 1) throw registryErrors.invalidVersion(text)
  return version
}

function idOf(text: string): number {
  if (!/^-?\d+$/.test(text)) throw new RegistryError(404, 'HTTP 404 Not Found')
  return Number(text)
}

function flag(value: string | undefined): boolean {
  return value?.toLowerCase() === 'true'
}

function subjectPrefix(query: Query): string {
  const prefix = query.subjectPrefix ?? ''
  return prefix.startsWith(':*:') ? prefix.slice(3) : prefix
}

/** `offset` and `limit` of listings; a limit of zero or less is none. */
function page<T>(items: T[], query: Query): T[] {
  const offset = Number(query.offset ?? 0)
  const limit = Number(query.limit ?? -1)
  if (!Number.isInteger(offset) || offset < 0) throw new RegistryError(422, `offset ${query.offset} must be at least 0`)
  return limit > 0 ? items.slice(offset, offset + limit) : items.slice(offset)
}
