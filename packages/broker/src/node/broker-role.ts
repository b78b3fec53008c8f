import { MillraceError } from '@millrace/runtime'
import { apiTable } from '../api/api-table.ts'
import { ApiDispatcher } from '../api/dispatcher.ts'
import type { BrokerReadings } from '../broker-metrics.ts'
import type { ClusterControllerClient } from '../channel/controller-client.ts'
import { MetadataPeerBrokers } from '../channel/peer-brokers.ts'
import { interBrokerListenerName } from '../config/listeners.ts'
import type { QuorumMember } from '../controller/quorum-member.ts'
import { type GroupCoordinators, openGroupCoordinators } from '../group/group-coordinators.ts'
import { groupLags } from '../group/group-lag.ts'
import { showInside } from '../insides.ts'
import { previousBrokerEpoch } from '../log/clean-shutdown.ts'
import type { LogManager } from '../log/log-manager.ts'
import { openLogs } from '../partition/open-logs.ts'
import { Partitions } from '../partition/partitions.ts'
import { produceRules } from '../partition/produce-rules.ts'
import { Replication } from '../replication/replication.ts'
import type { BrokerServices } from '../services.ts'
import type { ShutdownSteps } from '../shutdown-steps.ts'
import { BrokerLifecycle } from './broker-lifecycle.ts'
import type { NodeContext } from './node-context.ts'
import { closeGraceMs, type NodeListeners } from './node-listeners.ts'

export interface BrokerRoleOptions {
  readonly node: NodeContext
  readonly listeners: NodeListeners
  readonly quorum: QuorumMember
  readonly controller: ClusterControllerClient
  readonly shutdown: ShutdownSteps
  /** This broker cannot go on. */
  readonly failed: (error: Error) => void
}

/** The part of a node that has the role broker: registers, opens the partitions, and serves clients once the controller lets it. */
export class BrokerRole {
  readonly #options: BrokerRoleOptions
  readonly lifecycle: BrokerLifecycle
  #logs: LogManager | null = null
  #partitions: Partitions | null = null

  constructor(options: BrokerRoleOptions) {
    this.#options = options
    const { node, listeners, quorum, controller, failed } = options
    const { directories } = node.storage
    this.lifecycle = new BrokerLifecycle({
      ...node,
      metadata: quorum.metadata,
      controller,
      isControllerKnown: () => quorum.raft.leader.id >= 0,
      listeners: listeners.broker,
      logDirectoryIds: directories.map(({ id }) => id),
      offlineDirectoryIds: () => this.#offlineDirectoryIds(),
      previousBrokerEpoch: previousBrokerEpoch(
        node.world.disk,
        directories.map(({ path }) => path),
      ),
      failed,
    })
    options.shutdown.add('heartbeats', () => this.lifecycle.close())
  }

  /** Resolves when clients are served. */
  async start(): Promise<void> {
    const { node, listeners, quorum, shutdown } = this.#options
    const { world, logger, metrics, config, nodeId } = node
    const { lifecycle } = this
    // The metadata that this broker has then are recent enough to say which logs are its own.
    await lifecycle.register()
    const { metadata } = quorum
    const context = { config, metadata, nodeId }
    const logs = openLogs({ world, logger, storage: node.storage, context, onDirectoryFailed: () => this.#directoryFailed() })
    this.#logs = logs
    shutdown.add('logs', () => logs.close(lifecycle.brokerEpoch))
    const replication = new Replication({ ...context, world, logger, metrics })
    shutdown.add('replication', () => replication.close())
    const partitions = new Partitions({
      world,
      logger,
      metrics,
      environment: replication,
      metadata,
      logs,
      rulesOf: topic => produceRules(context, topic),
    })
    this.#partitions = partitions
    shutdown.add('partitions', () => partitions.close())
    await partitions.whole
    showInside(world, { metadata, partitions })
    metadata.subscribe(() => this.#hurryStoppingBrokers())

    const services = this.#services(partitions)
    const groups = openGroupCoordinators(services)
    const table = apiTable(services, partitions, logs, groups.handlers)
    shutdown.add('listeners', () => listeners.brokerServer.close(closeGraceMs))
    shutdown.add('groups', () => groups.close())
    shutdown.add('metrics', metrics.observe(nodeId, this.#readings(partitions, logs, groups)))
    logs.start()
    replication.start({ ...services, partitions })
    await lifecycle.unfence()
    listeners.brokerServer.serve(new ApiDispatcher(table, services))
    // Leaders move while this broker still answers.
    shutdown.add('controlled shutdown', () => lifecycle.shutDown())
  }

  #services(partitions: Partitions): BrokerServices {
    const { node, quorum, controller } = this.#options
    const { world, nodeId, config } = node
    const { metadata } = quorum
    const peers = new MetadataPeerBrokers({ world, nodeId, metadata, listenerName: interBrokerListenerName(config) })
    return { ...node, metadata, partitions, controller, peers, brokerEpoch: () => this.lifecycle.brokerEpoch }
  }

  /** A broker that stops may go when all others have applied what moved its leaders: they say so now instead of with their next heartbeat. */
  #hurryStoppingBrokers(): void {
    const { node, quorum } = this.#options
    for (const { id, fenced, inControlledShutdown } of quorum.metadata.brokers())
      if (inControlledShutdown && !fenced && id !== node.nodeId) this.lifecycle.beatSoon()
  }

  #directoryFailed(): void {
    this.#partitions?.loseFailedLogs()
    this.lifecycle.beatSoon()
    const { node, failed } = this.#options
    if (this.#offlineDirectoryIds().length < node.storage.directories.length) return
    failed(
      new MillraceError('DIRECTORIES_FAILED', 'the disks of all log directories have failed', {
        hint: 'look after the disks, and start the node again',
      }),
    )
  }

  #offlineDirectoryIds(): string[] {
    const offline = this.#logs?.offlineDirectories ?? []
    return this.#options.node.storage.directories.filter(({ path }) => offline.includes(path)).map(({ id }) => id)
  }

  /** What the gauges show. */
  #readings(partitions: Partitions, logs: LogManager, groups: GroupCoordinators): BrokerReadings {
    const { brokerServer } = this.#options.listeners
    return {
      connections: () => brokerServer.connectionCount,
      requestMemory: () => brokerServer.requestBytesInFlight,
      partitions: () => partitions.leaderCount,
      offlinePartitions: () => partitions.offlineCount,
      offlineLogDirectories: () => logs.offlineDirectories.length,
      atMinIsrPartitions: () => partitions.atMinIsrCount,
      replicaLag: () => partitions.maxFollowerLag,
      groupLag: () => groupLags(groups.committed(), partitions),
      logSize: () => logSizes(logs),
    }
  }
}

/** Bytes on this broker by topic. */
function logSizes(logs: LogManager): [{ topic: string }, number][] {
  const sizes = new Map<string, number>()
  for (const directory of logs.directories)
    for (const { topic, sizeBytes } of directory.logs.values()) sizes.set(topic, (sizes.get(topic) ?? 0) + sizeBytes)
  return [...sizes].map(([topic, bytes]) => [{ topic }, bytes])
}
