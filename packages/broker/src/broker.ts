import type { ConfigSet, Logger, World } from '@millrace/runtime'
import { apiTable } from './api/api-table.ts'
import { ApiDispatcher } from './api/dispatcher.ts'
import { BrokerMetrics, type BrokerReadings } from './broker-metrics.ts'
import { MetadataPeerBrokers } from './channel/peer-brokers.ts'
import { readBrokerConfig } from './config/broker-config.ts'
import { interBrokerListenerName, readListeners } from './config/listeners.ts'
import { openController } from './controller/open-controller.ts'
import { openGroupCoordinators } from './group/group-coordinators.ts'
import { showInside } from './insides.ts'
import type { LogManager } from './log/log-manager.ts'
import { openLogs } from './partition/open-logs.ts'
import { Partitions } from './partition/partitions.ts'
import { produceRules } from './partition/produce-rules.ts'
import { Replication } from './replication/replication.ts'
import { type Endpoint, Server } from './server.ts'
import { serverLimits } from './server-limits.ts'
import type { BrokerServices } from './services.ts'
import { ShutdownSteps } from './shutdown-steps.ts'
import { openStorage } from './storage/open-storage.ts'

export interface BrokerOptions {
  readonly world: World
  /** As read from server.properties. */
  readonly properties: ReadonlyMap<string, string>
  readonly logger: Logger
  /** The node cannot go on (its metadata log failed) and has closed itself. Default: only the log line. */
  readonly failed?: (error: Error) => void
}

/** A running node: broker and controller. */
export interface Broker {
  readonly nodeId: number
  readonly clusterId: string
  /** Client listeners as clients reach them: advertised host and the port really bound. */
  readonly listeners: readonly Endpoint[]
  /** `host:port` of the first one. */
  readonly bootstrapServers: string
  /** Controlled shutdown: answers what is in progress, flushes, leaves the mark of a clean shutdown. Later calls wait for the first. */
  close(): Promise<void>
}

/** How long a shutdown waits for requests in progress. */
const closeGraceMs = 1_000

/**
 * Starts the node that `properties` describe on its formatted log directories. Throws (rejects) a MillraceError or ConfigError that says what
 * to do; nothing is left open then.
 */
export async function startBroker({ world, properties, logger, failed }: BrokerOptions): Promise<Broker> {
  const startedMs = world.clock.monotonic()
  const shutdown = new ShutdownSteps(logger)
  const stopFor = (error: Error) => void shutdown.run().then(() => failed?.(error))
  try {
    const config = readBrokerConfig(properties, logger)
    const storage = openStorage(world, config)
    shutdown.add('storage', () => storage.close())
    const { nodeId, clusterId } = storage
    const metrics = new BrokerMetrics()

    const controller = await openController({ world, logger, config, storage, failed: stopFor })
    shutdown.add('controller', () => controller.close())
    const { metadata } = controller
    const context = { config, metadata, nodeId }

    let partitions: Partitions | null = null
    let brokerEpoch = -1
    const logs = openLogs({ world, logger, storage, context, onDirectoryFailed: () => partitions?.loseFailedLogs() })
    shutdown.add('logs', () => logs.close(brokerEpoch))
    const replication = new Replication({ ...context, world, logger, metrics })
    shutdown.add('replication', () => replication.close())
    partitions = new Partitions({
      world,
      logger,
      metrics,
      environment: replication,
      metadata,
      logs,
      rulesOf: topic => produceRules(context, topic),
    })
    shutdown.add('partitions', () => partitions?.close())
    showInside(world, { metadata, partitions })

    const services: BrokerServices = {
      ...context,
      world,
      logger,
      metrics,
      clusterId,
      partitions,
      controller: controller.client,
      peers: new MetadataPeerBrokers({ world, nodeId, metadata, listenerName: interBrokerListenerName(config) }),
      brokerEpoch: () => brokerEpoch,
    }
    const groups = openGroupCoordinators(services)
    const table = apiTable(services, partitions, groups.handlers)

    const dispatcher = new ApiDispatcher(table, services)
    // Ports are bound before the broker can name them to the controller; a request in between would find a cluster without brokers.
    const server = new Server({ world, logger, metrics, limits: serverLimits(config), dispatcher, startsHeld: true })
    shutdown.add('listeners', () => server.close(closeGraceMs))
    shutdown.add('groups', () => groups.close())
    shutdown.add('metrics', metrics.observe(nodeId, readingsOf(server, partitions, logs)))
    const listeners = await listen(server, config)
    brokerEpoch = await controller.registerBroker({ listeners, previousBrokerEpoch: logs.previousBrokerEpoch })
    logs.start()
    replication.start({ ...services, partitions })
    server.serve()

    const bootstrapServers = addressOf(listeners[0]!)
    logger.info('broker.started', {
      nodeId,
      clusterId,
      bootstrapServers,
      startMs: Math.round(world.clock.monotonic() - startedMs),
    })
    const broker: Broker = { nodeId, clusterId, listeners, bootstrapServers, close: () => shutdown.run() }
    return broker
  } catch (error) {
    await shutdown.run()
    throw error
  }
}

/** What the gauges show. */
function readingsOf(server: Server, partitions: Partitions, logs: LogManager): BrokerReadings {
  return {
    connections: () => server.connectionCount,
    requestMemory: () => server.requestBytesInFlight,
    partitions: () => partitions.leaderCount,
    offlinePartitions: () => partitions.offlineCount,
    offlineLogDirectories: () => logs.offlineDirectories.length,
  }
}

/** Binds the client listeners; controllers of a quorum of one have nobody to listen to. Returns them as clients reach them. */
async function listen(server: Server, config: ConfigSet): Promise<(Endpoint & { securityProtocol: number })[]> {
  const listeners: (Endpoint & { securityProtocol: number })[] = []
  for (const { name, host, port, advertised, securityProtocol, isController } of readListeners(config)) {
    if (isController) continue
    const bound = await server.listen({ name, host: host === '' ? '::' : host, port })
    listeners.push({ name, host: advertised.host, port: advertised.port === 0 ? bound.port : advertised.port, securityProtocol })
  }
  return listeners
}

function addressOf({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
