import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from './free-ports.ts'
import { run, until } from './process-harness.ts'
import {
  formatWithKafka,
  formatWithMillrace,
  killNodes,
  type RunningNode,
  startKafka,
  startMillrace,
} from './server-properties-harness.ts'

export type Roles = 'broker' | 'controller' | 'broker,controller'

export interface ClusterNode {
  readonly id: number
  readonly roles: Roles
  /** A server.properties that both brokers take. */
  readonly file: string
  /** The first of its log directories. */
  readonly dataDirectory: string
  readonly logDirectories: readonly string[]
  readonly directoryId: string
  readonly bootstrapServers: string
  readonly controller: string
}

/** Who formats the directories and runs the nodes. */
export type Maker = 'millrace' | 'kafka'

const makers = {
  millrace: { format: formatWithMillrace, start: startMillrace },
  kafka: { format: formatWithKafka, start: startKafka },
} as const

export interface ProcessClusterOptions {
  readonly nodes?: number
  /** Of each node, by its place. Default both. */
  readonly roles?: readonly Roles[]
  /** Of each node. Default 1. */
  readonly logDirectories?: number
  /** Default dynamic: the voters stand in the first snapshot of the metadata log and may change. */
  readonly quorum?: 'dynamic' | 'static'
  /** More keys of every node's server.properties. */
  readonly properties?: Readonly<Record<string, string>>
}

/** Nodes that are brokers and controllers, each a process of its own on a server.properties that both Millrace and Apache Kafka take. */
export class ProcessCluster {
  readonly clusterId = 'MkU3OEVBNTcwNTJENDM2Qg'
  readonly directory: string
  readonly nodes: readonly ClusterNode[]
  readonly #quorum: 'dynamic' | 'static'
  readonly #running = new Map<number, RunningNode>()

  private constructor(directory: string, nodes: readonly ClusterNode[], quorum: 'dynamic' | 'static') {
    this.directory = directory
    this.nodes = nodes
    this.#quorum = quorum
  }

  /** Writes the files; nothing is formatted yet. */
  static async make(options: ProcessClusterOptions = {}): Promise<ProcessCluster> {
    const { roles = [], nodes: count = roles.length || 3, quorum = 'dynamic', logDirectories = 1, properties = {} } = options
    const directory = mkdtempSync(join(tmpdir(), 'millrace-nodes-'))
    const ports = await freePorts(2 * count)
    const nodes = Array.from({ length: count }, (_, i): ClusterNode => {
      const id = i + 1
      return {
        id,
        roles: roles[i] ?? 'broker,controller',
        file: join(directory, `${id}.properties`),
        dataDirectory: join(directory, `${id}`),
        logDirectories: Array.from({ length: logDirectories }, (_, place) =>
          join(directory, place === 0 ? `${id}` : `${id}-${place}`),
        ),
        directoryId: `${'node-directory'}${'-'.repeat(6)}${id}w`,
        bootstrapServers: `127.0.0.1:${ports[i]}`,
        controller: `127.0.0.1:${ports[count + i]}`,
      }
    })
    for (const node of nodes) writeFileSync(node.file, propertiesOf(node, nodes, quorum, properties))
    return new ProcessCluster(directory, nodes, quorum)
  }

  get brokers(): readonly ClusterNode[] {
    return this.nodes.filter(isBroker)
  }

  get controllers(): readonly ClusterNode[] {
    return this.nodes.filter(isController)
  }

  get bootstrapServers(): string {
    return this.brokers.map(node => node.bootstrapServers).join(',')
  }

  node(id: number): ClusterNode {
    return this.nodes.find(node => node.id === id)!
  }

  async format(id: number, maker: Maker): Promise<void> {
    const voters = this.controllers.map(node => `${node.id}@${node.controller}:${node.directoryId}`).join(',')
    const more = this.#quorum === 'dynamic' ? ['--initial-controllers', voters] : []
    await makers[maker].format(this.clusterId, { ...this.node(id) }, ...more)
  }

  async start(id: number, maker: Maker): Promise<RunningNode> {
    const node = await makers[maker].start(this.node(id))
    this.#running.set(id, node)
    return node
  }

  /** Formats every node and starts them, all at once: none is ready before a majority is there. */
  async startAll(maker: Maker): Promise<void> {
    for (const { id } of this.nodes) await this.format(id, maker)
    await Promise.all(this.nodes.map(({ id }) => this.start(id, maker)))
  }

  /** What the node's process has printed since its last start. */
  output(id: number): string {
    return this.#running.get(id)!.output()
  }

  /** SIGTERM. */
  async stop(id: number): Promise<number | null> {
    const code = await this.#running.get(id)!.stop()
    this.#running.delete(id)
    return code
  }

  async kill(id: number): Promise<void> {
    await this.#running.get(id)!.kill()
    this.#running.delete(id)
  }

  isRunning(id: number): boolean {
    return this.#running.has(id)
  }

  async kcat(args: string, input = '', servers = this.bootstrapServers): Promise<string> {
    return (await run('kcat', ['-b', servers, ...args.split(' ')], { input })).stdout
  }

  /** Waits until every partition's in-sync set is whole, as the running nodes tell. */
  async whenInSync(timeoutMs = 60_000): Promise<void> {
    await until(
      'all replicas in sync',
      async () => {
        const { topics } = JSON.parse(await this.kcat('-L -J')) as ClusterListing
        return topics.every(({ partitions }) => partitions.every(({ replicas, isrs }) => replicas.length === isrs.length))
      },
      timeoutMs,
    )
  }

  close(): void {
    killNodes()
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** What `kcat -L -J` prints. */
export interface ClusterListing {
  readonly controllerid: number
  readonly brokers: readonly { readonly id: number; readonly name: string }[]
  readonly topics: readonly {
    readonly topic: string
    readonly partitions: readonly {
      readonly partition: number
      readonly leader: number
      readonly replicas: readonly { readonly id: number }[]
      readonly isrs: readonly { readonly id: number }[]
    }[]
  }[]
}

const isBroker = ({ roles }: ClusterNode) => roles !== 'controller'
const isController = ({ roles }: ClusterNode) => roles !== 'broker'

function propertiesOf(
  node: ClusterNode,
  nodes: readonly ClusterNode[],
  quorum: 'dynamic' | 'static',
  more: Readonly<Record<string, string>>,
): string {
  const own = [isBroker(node) && `PLAINTEXT://${node.bootstrapServers}`, isController(node) && `CONTROLLER://${node.controller}`]
  const addresses = own.filter(address => address !== false).join(',')
  const properties: Record<string, string> = {
    'process.roles': node.roles,
    'node.id': `${node.id}`,
    ...(quorum === 'dynamic'
      ? {
          'controller.quorum.bootstrap.servers': nodes
            .filter(isController)
            .map(({ controller }) => controller)
            .join(','),
        }
      : {
          'controller.quorum.voters': nodes
            .filter(isController)
            .map(({ id, controller }) => `${id}@${controller}`)
            .join(','),
        }),
    listeners: addresses,
    'advertised.listeners': addresses,
    'inter.broker.listener.name': 'PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': node.logDirectories.join(','),
    'num.partitions': '1',
    'default.replication.factor': '3',
    'min.insync.replicas': '2',
    'offsets.topic.replication.factor': '3',
    'offsets.topic.num.partitions': '3',
    'group.initial.rebalance.delay.ms': '0',
    // A node that was killed is missed for this long.
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    'replica.lag.time.max.ms': '5000',
    // Only the tool moves leaders.
    'auto.leader.rebalance.enable': 'false',
    ...more,
  }
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}
