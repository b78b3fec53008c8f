import { type ConfigSet, type Logger, MillraceError, NetError, type World } from '@millrace/runtime'
import type { BrokerMetrics } from '../broker-metrics.ts'
import { readListeners } from '../config/listeners.ts'
import { type Endpoint, Server } from '../server.ts'
import { serverLimits } from '../server-limits.ts'

/** How long a shutdown waits for requests in progress. */
export const closeGraceMs = 1_000

/** An endpoint as others reach it: advertised host, and the port really bound. `securityProtocol`: 0 PLAINTEXT. */
export type BoundListener = Endpoint & { readonly securityProtocol: number }

/** The listeners of a node, bound and held: nothing is read before the servers serve. */
export interface NodeListeners {
  /** For clients and other brokers; nobody listens without the role broker. */
  readonly brokerServer: Server
  readonly broker: readonly BoundListener[]
  /** For the quorum and for brokers; nobody listens without the role controller. */
  readonly controllerServer: Server
  readonly controller: readonly BoundListener[]
}

/** Binds all listeners of the node. Rejects with a MillraceError PORT_IN_USE or ADDRESS; `close` what came to be then. */
export async function bindListeners(
  { world, logger, metrics, config }: { world: World; logger: Logger; metrics: BrokerMetrics; config: ConfigSet },
  opened: (server: Server) => void,
): Promise<NodeListeners> {
  const newServer = () => {
    const server = new Server({ world, logger, metrics, limits: serverLimits(config) })
    opened(server)
    return server
  }
  const listeners = {
    controllerServer: newServer(),
    controller: [] as BoundListener[],
    brokerServer: newServer(),
    broker: [] as BoundListener[],
  }
  for (const { name, host, port, advertised, securityProtocol, isController } of readListeners(config)) {
    const server = isController ? listeners.controllerServer : listeners.brokerServer
    const bound = await server.listen({ name, host: host === '' ? '::' : host, port }).catch(error => {
      throw explained(error, host === '' ? 'every address' : host, port)
    })
    const reached = { host: advertised.host, port: advertised.port === 0 ? bound.port : advertised.port }
    ;(isController ? listeners.controller : listeners.broker).push({ name, ...reached, securityProtocol })
  }
  return listeners
}

function explained(error: unknown, host: string, port: number): unknown {
  if (!(error instanceof NetError)) return error
  if (error.code === 'EADDRINUSE')
    return new MillraceError('PORT_IN_USE', `port ${port} of ${host} is in use`, {
      hint: 'stop the other program or choose another port',
      cause: error,
    })
  return new MillraceError('ADDRESS', `cannot listen on ${host}:${port}: ${error.code}`, {
    hint: 'choose another address or port',
    cause: error,
  })
}
