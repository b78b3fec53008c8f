import { type ConfigSet, formatAddress, type Logger, type World } from '@millrace/runtime'
import { BrokerMetrics } from './broker-metrics.ts'
import { ChannelTransport } from './channel/channel-transport.ts'
import { ClusterControllerClient } from './channel/controller-client.ts'
import { readBrokerConfig } from './config/broker-config.ts'
import { readQuorum } from './config/quorum.ts'
import { quorumKeys } from './config/quorum-keys.ts'
import { readRoles } from './config/roles.ts'
import { QuorumMember } from './controller/quorum-member.ts'
import { LoggerLevels } from './logger-levels.ts'
import { BrokerRole } from './node/broker-role.ts'
import { ClusterIdCheck } from './node/cluster-id-check.ts'
import { startControllerRole } from './node/controller-role.ts'
import { LostBrokers } from './node/lost-brokers.ts'
import type { NodeContext } from './node/node-context.ts'
import { observeCluster, openHttp } from './node/node-http.ts'
import { bindListeners, closeGraceMs } from './node/node-listeners.ts'
import { type NodeStatus, statusOf } from './node/node-status.ts'
import type { Endpoint } from './server.ts'
import { ShutdownSteps } from './shutdown-steps.ts'
import { openStorage } from './storage/open-storage.ts'

export interface BrokerOptions {
  readonly world: World
  /** As read from server.properties. */
  readonly properties: ReadonlyMap<string, string>
  readonly logger: Logger
  /** The node cannot go on (its metadata log failed, another process has its number) and has closed itself. Default: only the log line. */
  readonly failed?: (error: Error) => void
}

/** A running node: broker, controller, or both. */
export interface Broker {
  readonly nodeId: number
  readonly clusterId: string
  /** Client listeners as clients reach them: advertised host and the port really bound. Empty for a controller alone. */
  readonly listeners: readonly Endpoint[]
  /** Listeners of the controllers as other nodes reach them. Empty for a broker alone. */
  readonly controllerListeners: readonly Endpoint[]
  /** `host:port` of the first client listener; for a controller alone, of its first listener (`--bootstrap-controller`). */
  readonly bootstrapServers: string
  /** Controlled shutdown: hands over what it leads, answers what is in progress, flushes, leaves the mark of a clean shutdown. Later calls wait for the first. */
  close(): Promise<void>
}

export type { NodeStatus } from './node/node-status.ts'

const statuses = new WeakMap<Broker, () => NodeStatus>()

/** Where a running node stands. */
export function nodeStatus(broker: Broker): NodeStatus {
  return statuses.get(broker)!()
}

/**
 * Starts the node that `properties` describe on its formatted log directories; resolves when a broker serves clients, and when a controller takes part in the
 * quorum. Throws (rejects) a MillraceError or ConfigError that says what to do; nothing is left open then.
 */
export async function startBroker({ world, properties, logger: output, failed }: BrokerOptions): Promise<Broker> {
  const loggers = new LoggerLevels(output)
  const { logger } = loggers
  const startedMs = world.clock.monotonic()
  const shutdown = new ShutdownSteps(logger)
  let failure: Error | null = null
  let isRunning = false
  try {
    const config = readBrokerConfig(properties, logger)
    const roles = readRoles(config)
    const storage = openStorage(world, config)
    shutdown.add('storage', () => storage.close())
    const { nodeId, clusterId } = storage
    const node: NodeContext = { world, logger, loggers, config, metrics: new BrokerMetrics(), storage, nodeId, clusterId }

    // Ports are bound before the node can name them to the others; nothing is read before it can answer.
    const listeners = await bindListeners(node, server => shutdown.add('listeners', () => server.close(closeGraceMs)))
    let broker: BrokerRole | null = null
    const stopFor = (error: Error) => {
      if (failure) return
      failure = error
      logger.error('node.failed', { nodeId, error: error.message })
      // A node that cannot go on asks nobody whether it may.
      broker?.lifecycle.close()
      // While it starts, whoever starts it is told by the rejection.
      void shutdown.run().then(() => isRunning && failed?.(error))
    }
    const clusterIdCheck = new ClusterIdCheck(clusterId, otherMembers(config, listeners.controller), stopFor)
    const transport = new ChannelTransport({
      world,
      nodeId,
      answered: (to, errorCode) => clusterIdCheck.answered(to, errorCode),
      requestTimeoutMs: config.get(quorumKeys.controllerQuorumRequestTimeoutMs)!,
      retryBackoffMs: config.get(quorumKeys.controllerQuorumRetryBackoffMs)!,
    })
    shutdown.add('raft channels', () => transport.close())
    const quorum: QuorumMember = new QuorumMember({
      ...node,
      transport,
      controllerListeners: listeners.controller,
      elected: election => node.metrics.leaderElected(election),
      leaderChanged: () => {
        controller.controllerMoved()
        lostBrokers.leaderChanged()
        // A new controller hears at once who lives.
        broker?.lifecycle.beatSoon()
      },
      failed: stopFor,
    })
    shutdown.add('quorum', () => quorum.close())
    const lostBrokers = new LostBrokers({ world, logger, quorum })
    const controller = new ClusterControllerClient({
      world,
      nodeId,
      local: () => (quorum.active ? quorum : null),
      remote: () => quorum.leaderAddress,
    })
    shutdown.add('controller channels', () => controller.close())
    shutdown.add('cluster metrics', observeCluster(node, quorum))
    if (roles.isBroker) broker = new BrokerRole({ node, listeners, quorum, controller, shutdown, failed: stopFor })
    const status = () => statusOf(roles, quorum, broker)
    await openHttp(node, status, shutdown)

    quorum.start()
    if (roles.isController) startControllerRole({ node, listeners, quorum, controller, lostBrokers, shutdown })
    await broker?.start()

    const bootstrapServers = formatAddress((listeners.broker[0] ?? listeners.controller[0])!)
    const running: Broker = {
      nodeId,
      clusterId,
      listeners: listeners.broker,
      controllerListeners: listeners.controller,
      bootstrapServers,
      close: () => shutdown.run(),
    }
    if (failure) throw failure
    isRunning = true
    statuses.set(running, status)
    logger.info('broker.started', {
      nodeId,
      clusterId,
      bootstrapServers,
      startMs: Math.round(world.clock.monotonic() - startedMs),
    })
    return running
  } catch (error) {
    await shutdown.run()
    // What came of the failure is of less interest than the failure itself.
    throw failure ?? error
  }
}

/** How many other members of the quorum the configuration names. */
function otherMembers(config: ConfigSet, own: readonly Endpoint[]): number {
  const { voters, bootstrapServers } = readQuorum(config)
  const named = voters.length > 0 ? voters : bootstrapServers
  return named.filter(({ host, port }) => !own.some(listener => listener.host === host && listener.port === port)).length
}
