import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type Api, type Draft, Metadata } from '@millrace/protocol'
import { type Listener, type Logger, silentLogger, type World } from '@millrace/runtime'
import { type Broker, nodeStatus, startBroker } from '../broker.ts'
import { formatStorage } from '../storage/format-storage.ts'
import { parseInitialControllers } from '../storage/initial-voters.ts'
import { RawClient } from './raw-client.ts'

export interface TestNode {
  readonly id: number
  readonly roles: string
  readonly properties: Map<string, string>
  broker: Broker | null
  logger: Logger
}

export interface TestClusterOptions {
  readonly world: World
  /** `process.roles` of the nodes 1, 2, 3 … */
  readonly roles: readonly string[]
  /** Voters in the metadata log instead of `controller.quorum.voters`. */
  readonly dynamicQuorum?: boolean
  readonly properties?: Readonly<Record<string, string>>
}

const clusterId = 'MkU3OEVBNTcwNTJENDM2Qg'

/** Nodes of one cluster on loopback ports in this process, each with its own directory. */
export class TestCluster {
  readonly nodes: TestNode[] = []
  readonly clusterId = clusterId
  readonly #world: World
  readonly #root: string

  private constructor(world: World) {
    this.#world = world
    this.#root = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-cluster-'))
  }

  /** Formats the nodes; none runs yet. */
  static async format({ world, roles, dynamicQuorum = false, properties = {} }: TestClusterOptions): Promise<TestCluster> {
    const cluster = new TestCluster(world)
    const ports = await freePorts(world, 2 * roles.length)
    const controllers = roles.flatMap((role, index) =>
      role.includes('controller') ? [{ id: index + 1, port: ports[2 * index + 1]! }] : [],
    )
    const directoryId = (id: number) => `node-directory------${id}w`
    const initialControllers = parseInitialControllers(
      controllers.map(({ id, port }) => `${id}@127.0.0.1:${port}:${directoryId(id)}`).join(','),
    )
    for (const [index, role] of roles.entries()) {
      const id = index + 1
      const listeners = [
        ...(role.includes('broker') ? [`PLAINTEXT://127.0.0.1:${ports[2 * index]}`] : []),
        ...(role.includes('controller') ? [`CONTROLLER://127.0.0.1:${ports[2 * index + 1]}`] : []),
      ]
      const given = new Map(
        Object.entries({
          'process.roles': role,
          'node.id': String(id),
          listeners: listeners.join(','),
          'controller.listener.names': 'CONTROLLER',
          'log.dirs': `${cluster.#root}/${id}`,
          'group.initial.rebalance.delay.ms': '0',
          ...(dynamicQuorum
            ? { 'controller.quorum.bootstrap.servers': controllers.map(({ port }) => `127.0.0.1:${port}`).join(',') }
            : { 'controller.quorum.voters': controllers.map(voter => `${voter.id}@127.0.0.1:${voter.port}`).join(',') }),
          ...properties,
        }),
      )
      formatStorage(world, { properties: given, clusterId, ...(dynamicQuorum ? { initialControllers } : {}) })
      cluster.nodes.push({ id, roles: role, properties: given, broker: null, logger: silentLogger })
    }
    return cluster
  }

  node(id: number): TestNode {
    return this.nodes[id - 1]!
  }

  async start(...ids: number[]): Promise<void> {
    await Promise.all(
      ids.map(async id => {
        const node = this.node(id)
        node.broker = await startBroker({ world: this.#world, properties: node.properties, logger: node.logger })
      }),
    )
  }

  startAll(): Promise<void> {
    return this.start(...this.nodes.map(({ id }) => id))
  }

  async stop(...ids: number[]): Promise<void> {
    await Promise.all(
      ids.map(async id => {
        const { broker } = this.node(id)
        this.node(id).broker = null
        await broker?.close()
      }),
    )
  }

  /** The node that is the active controller; undefined while there is none. */
  get activeController(): TestNode | undefined {
    return this.nodes.find(({ broker }) => broker !== null && nodeStatus(broker).isActiveController)
  }

  async request<Request, Response>(
    id: number,
    api: Api<Request, Response>,
    version: number,
    body: Draft<Request>,
    listener: 'broker' | 'controller' = 'broker',
  ): Promise<Response> {
    const broker = this.node(id).broker!
    const { port } = (listener === 'broker' ? broker.listeners : broker.controllerListeners)[0]!
    const client = await RawClient.connect(this.#world, port)
    try {
      return await client.request(api, version, body)
    } finally {
      client.close()
    }
  }

  /** Metadata of topics as node `id` tells them. */
  metadata(id: number, ...topics: string[]) {
    return this.request(id, Metadata, 12, { topics: topics.map(name => ({ name })), allowAutoTopicCreation: false })
  }

  async remove(): Promise<void> {
    await this.stop(...this.nodes.map(({ id }) => id))
    fs.rmSync(this.#root, { recursive: true })
  }
}

/** Below the ports that systems give to whoever connects: nobody takes one between the look and the start of a node. */
const firstPort = 20_000
const portCount = 9_000

/** Ports that nobody listens on at present. */
async function freePorts(world: World, count: number): Promise<number[]> {
  const listeners: Listener[] = []
  while (listeners.length < count) {
    const port = firstPort + world.random.below(portCount)
    const listener = await world.net.listen({ host: '127.0.0.1', port }, socket => socket.destroy()).catch(() => null)
    if (listener) listeners.push(listener)
  }
  await Promise.all(listeners.map(listener => listener.close()))
  return listeners.map(({ port }) => port)
}

/** Resolves when `condition` holds; what it waits for has no event of its own. Rejects after ten seconds. */
export async function eventually(world: World, condition: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = world.clock.monotonic() + 10_000
  while (!(await condition())) {
    if (world.clock.monotonic() > endMs) throw new Error(`never came: ${condition}`)
    await new Promise<void>(resolve => world.clock.timer(20, resolve))
  }
}
