import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, startBroker, startNode } from '@millrace/broker'
import { openClusterFolder } from '@millrace/cli/internal'
import { type Logger, MillraceError, nodeWorld, silentLogger, type World } from '@millrace/runtime'
import { type RunningRegistry, startRegistry } from '@millrace/schema-registry'
import { RevocableWorld } from './cluster-world.ts'

export interface ClusterOptions {
  /** Nodes, from 1 on; of three or more the first three are controllers too, and topics have three replicas, two of them in sync. Default 1. */
  readonly brokers?: number
  /** Also starts a schema registry. Default false. */
  readonly registry?: boolean
  /** Keys of server.properties, of each node. */
  readonly properties?: ReadonlyMap<string, string>
  /** Default: says nothing. */
  readonly logger?: Logger
}

/** Brokers (and a registry) in the process of a test, on ports of their own, with data in a temporary folder. */
export interface Cluster {
  /** All nodes, separated by commas. */
  readonly bootstrapServers: string
  /** Present when asked for. */
  readonly registryUrl: string | undefined
  readonly dataDirectory: string
  readonly nodeIds: readonly number[]
  /** Nodes that run now. */
  readonly running: readonly number[]
  /** As SIGKILL: the node stops in the middle of whatever it does, its connections are reset. What it wrote is there. */
  kill(nodeId: number): Promise<void>
  /** A controlled shutdown: its leaders have moved when it resolves. */
  stop(nodeId: number): Promise<void>
  /** Starts a node on its data and its port, after a controlled shutdown if it runs. Resolves when it serves. */
  restart(nodeId: number): Promise<void>
  /** Stops everything and removes the data. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts a cluster in this process; it answers when this resolves. `await using cluster = await startCluster({ brokers: 3 })` closes it by itself. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { brokers = 1, logger = silentLogger } = options
  const world = nodeWorld()
  const dataDirectory = mkdtempSync(join(tmpdir(), 'millrace-cluster-'))
  const nodes: NodeInProcess[] = []
  let registry: RunningRegistry | undefined
  const close = async () => {
    await registry?.close()
    await Promise.all(nodes.map(node => node.stop()))
    rmSync(dataDirectory, { recursive: true, force: true })
  }
  const nodeOf = (nodeId: number): NodeInProcess => {
    const node = nodes[nodeId - 1]
    if (node === undefined) throw new MillraceError('UNKNOWN_NODE', `there is no node ${nodeId}: they are 1 to ${nodes.length}`)
    return node
  }
  try {
    nodes.push(...(brokers === 1 ? [singleNode(dataDirectory, options)] : await nodesOf(world, dataDirectory, brokers, options)))
    await Promise.all(nodes.map(node => node.start()))
    const bootstrapServers = nodes.map(node => node.address).join(',')
    const replicationFactor = Math.min(brokers, 3)
    if (options.registry) registry = await startRegistry({ bootstrapServers, port: 0, replicationFactor, world, logger })
    return {
      bootstrapServers,
      registryUrl: registry?.url,
      dataDirectory,
      nodeIds: nodes.map((_, i) => i + 1),
      get running() {
        return nodes.flatMap((node, i) => (node.isRunning ? [i + 1] : []))
      },
      kill: async nodeId => nodeOf(nodeId).kill(),
      stop: async nodeId => nodeOf(nodeId).stop(),
      restart: async nodeId => {
        await nodeOf(nodeId).stop()
        await nodeOf(nodeId).start()
      },
      close,
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** A node that lives, dies and lives again. */
class NodeInProcess {
  readonly #start: (world: World) => Promise<Broker>
  #life: { readonly world: RevocableWorld; broker: Broker | null } | null = null
  #address = ''

  constructor(start: (world: World) => Promise<Broker>) {
    this.#start = start
  }

  /** Where clients reach it, once it has been started. */
  get address(): string {
    return this.#address
  }

  get isRunning(): boolean {
    return this.#life !== null
  }

  async start(): Promise<void> {
    const life = { world: new RevocableWorld(nodeWorld()), broker: null as Broker | null }
    this.#life = life
    try {
      life.broker = await this.#start(life.world.world)
      this.#address = life.broker.bootstrapServers
    } catch (error) {
      if (this.#life === life) this.#life = null
      await life.world.revoke()
      throw error
    }
  }

  async stop(): Promise<void> {
    const life = this.#life
    this.#life = null
    await life?.broker?.close()
    await life?.world.revoke()
  }

  async kill(): Promise<void> {
    const life = this.#life
    this.#life = null
    await life?.world.revoke()
  }
}

function singleNode(dataDirectory: string, { properties = new Map(), logger = silentLogger }: ClusterOptions): NodeInProcess {
  let port = 0
  return new NodeInProcess(async world => {
    const broker = await startNode({ world, dataDirectory, host: '127.0.0.1', port, logger, properties })
    // Started again, it listens where it did before.
    port = Number(broker.bootstrapServers.split(':').at(-1))
    return broker
  })
}

/** Tests do not wait nine seconds until a node that was killed counts as gone, and nobody asks them over HTTP. */
const nodeProperties: readonly (readonly [string, string])[] = [
  ['broker.heartbeat.interval.ms', '500'],
  ['broker.session.timeout.ms', '3000'],
  ['millrace.http.listener', ''],
]

async function nodesOf(world: World, directory: string, brokers: number, options: ClusterOptions): Promise<NodeInProcess[]> {
  const { logger = silentLogger } = options
  const properties = new Map([...nodeProperties, ...(options.properties ?? [])])
  const folder = { directory, host: '127.0.0.1', rack: 'test', brokers, port: 0, defaultPort: 0, properties }
  const nodes = await openClusterFolder(world, folder)
  return nodes.map(node => new NodeInProcess(life => startBroker({ world: life, properties: node.properties, logger })))
}
