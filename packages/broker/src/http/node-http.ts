import { formatAddress, type Logger, MillraceError, metricsTextType } from '@millrace/runtime'

export interface NodeHttpOptions {
  /** `millrace.http.listener`; port 0 takes a free one. */
  readonly address: { readonly host: string; readonly port: number }
  readonly logger: Logger
  readonly nodeId: number
  readonly clusterId: string
  readonly roles: readonly string[]
  /** Why the node is not ready, in a few words; null: it is. */
  readonly unreadiness: () => string | null
  /** The Prometheus text. */
  readonly metrics: () => string
}

export interface NodeHttp {
  readonly url: string
  readonly port: number
  close(): Promise<void>
}

/** A client that sends half a request is closed after this time. */
const requestTimeoutMs = 10_000
const maxConnections = 100

/**
 * What who operates a node asks over HTTP: `GET /health` (200 while the process turns its loop), `GET /ready` (200 when the node is unfenced and caught up,
 * otherwise 503 and the reason) and `GET /metrics`. Rejects with a MillraceError PORT_IN_USE or ADDRESS.
 */
export async function openNodeHttp(options: NodeHttpOptions): Promise<NodeHttp> {
  const { address, logger, nodeId, clusterId, roles, unreadiness, metrics } = options
  // Only a node that serves HTTP pays for its library: some ten MiB.
  const { default: fastify } = await import('fastify')
  const server = fastify({ requestTimeout: requestTimeoutMs, bodyLimit: 1024, forceCloseConnections: true })
  server.server.maxConnections = maxConnections
  server.get('/health', () => ({ status: 'alive', nodeId, clusterId, roles }))
  server.get('/ready', (_, reply) => {
    const reason = unreadiness()
    return reply
      .code(reason === null ? 200 : 503)
      .send({ ready: reason === null, nodeId, ...(reason === null ? {} : { reason }) })
  })
  server.get('/metrics', (_, reply) => reply.type(metricsTextType).send(metrics()))
  try {
    await server.listen(address)
  } catch (error) {
    await server.close()
    throw explained(error as NodeJS.ErrnoException, address)
  }
  const { port } = server.server.address() as { port: number }
  const url = `http://${formatAddress({ host: address.host, port })}`
  logger.info('http.started', { url })
  return { url, port, close: () => server.close() }
}

function explained(error: NodeJS.ErrnoException, { host, port }: { host: string; port: number }): MillraceError {
  const inUse = error.code === 'EADDRINUSE'
  return new MillraceError(
    inUse ? 'PORT_IN_USE' : 'ADDRESS',
    inUse ? `port ${port} of ${host} is in use` : `cannot listen on ${host}:${port}: ${error.code}`,
    { hint: 'choose another address in millrace.http.listener', cause: error },
  )
}
