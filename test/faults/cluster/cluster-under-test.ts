import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, createWriteStream, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type ClusterNode,
  type ClusterPorts,
  controllersOf,
  freePorts,
  planCluster,
  propertiesText,
} from '@millrace/cli/internal'
import { Admin } from '@millrace/client'
import { nodeWorld } from '@millrace/runtime'
import { kafkaClassPath } from '../../conformance/kafka-peer.ts'
import { until } from '../../conformance/process-harness.ts'
import { repository } from '../job-under-test.ts'
import { FaultLinks } from './fault-links.ts'

export type Maker = 'millrace' | 'kafka'

export interface ClusterUnderTestOptions {
  /** Who makes the brokers: the rig is tried on Apache Kafka as well. Default millrace. */
  readonly maker?: Maker
  readonly nodes?: number
  /** A bug of the testkit's, in every node: the rig must find it. Default none. */
  readonly plantedBug?: string
  /** Further keys of server.properties. */
  readonly properties?: Readonly<Record<string, string>>
  /** A directory of this size in memory for the data of each node named; needs root. */
  readonly smallDisks?: { readonly nodes: readonly number[]; readonly mebibytes: number }
}

/** Quick failovers: the same for every maker. */
const timeouts = {
  'broker.session.timeout.ms': '3000',
  'broker.heartbeat.interval.ms': '500',
  'controller.quorum.election.timeout.ms': '500',
  'controller.quorum.fetch.timeout.ms': '1000',
  'replica.lag.time.max.ms': '4000',
}

const command = join(repository, 'packages/cli/bin/millrace.mjs')
const plantedBugLoader = join(import.meta.dirname, 'planted-bug.ts')
const host = '127.0.0.1'

/** Nodes as processes, each reached by the others and by clients through proxies alone. */
export class ClusterUnderTest {
  readonly directory: string
  readonly links = new FaultLinks()
  readonly nodes: readonly ClusterNode[]
  readonly bootstrapServers: string
  readonly admin: Admin
  readonly #maker: Maker
  readonly #plantedBug: string | null
  readonly #ports: ClusterPorts
  readonly #processes = new Map<number, ChildProcess>()
  readonly #mounts: string[] = []

  private constructor(
    directory: string,
    { maker = 'millrace', plantedBug }: ClusterUnderTestOptions,
    nodes: readonly ClusterNode[],
    advertised: ClusterPorts,
    ports: ClusterPorts,
  ) {
    this.directory = directory
    this.#maker = maker
    this.#plantedBug = plantedBug ?? null
    this.nodes = nodes
    this.#ports = ports
    this.bootstrapServers = advertised.brokers.map(port => `${host}:${port}`).join(',')
    this.admin = new Admin({ bootstrapServers: this.bootstrapServers, clientId: 'rig', requestTimeoutMs: 5000 })
  }

  /** Formats and starts all nodes; resolves when each of them is unfenced. */
  static async start(options: ClusterUnderTestOptions = {}): Promise<ClusterUnderTest> {
    const { maker = 'millrace', nodes: count = 3, properties = {}, smallDisks } = options
    const directory = mkdtempSync(join(tmpdir(), 'millrace-rig-'))
    const world = nodeWorld()
    // What others are told, and what is listened on behind it.
    const free = await freePorts(world, host, 4 * count)
    const portsFrom = (from: number): ClusterPorts => ({
      brokers: free.brokers.slice(from, from + count),
      controllers: free.brokers.slice(from + count, from + count + controllersOf(count)),
      http: free.http!.slice(from, from + count),
    })
    const [advertised, ports] = [portsFrom(0), portsFrom(2 * count)]
    const nodes = planCluster({
      brokers: count,
      host,
      directory,
      rack: 'rig',
      ports: { ...advertised, http: maker === 'millrace' ? ports.http : null },
      properties: new Map(Object.entries({ ...timeouts, ...properties })),
    }).map(node => ({ ...node, properties: listeningOn(node, ports) }))
    const cluster = new ClusterUnderTest(directory, options, nodes, advertised, ports)
    try {
      await cluster.#open(advertised, smallDisks)
      return cluster
    } catch (error) {
      await cluster.close()
      throw error
    }
  }

  async #open(advertised: ClusterPorts, smallDisks: ClusterUnderTestOptions['smallDisks']): Promise<void> {
    for (const node of this.nodes) {
      mkdirSync(node.directory)
      if (smallDisks?.nodes.includes(node.nodeId)) this.#mount(dataDirectoryOf(node), smallDisks.mebibytes)
      appendFileSync(node.file, propertiesText(node))
      this.#format(node)
      await this.links.proxy(node.nodeId, advertised.brokers[node.nodeId - 1]!, this.#ports.brokers[node.nodeId - 1]!)
      const controller = advertised.controllers[node.nodeId - 1]
      if (controller !== undefined) await this.links.proxy(node.nodeId, controller, this.#ports.controllers[node.nodeId - 1]!)
    }
    for (const { nodeId } of this.nodes) this.launch(nodeId)
    await this.allUnfenced()
  }

  #mount(directory: string, mebibytes: number): void {
    mkdirSync(directory, { recursive: true })
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', directory])
    this.#mounts.push(directory)
  }

  #format({ file }: ClusterNode): void {
    const args = ['format', '-t', 'MkU3OEVBNTcwNTJENDM2Qg', '-c', file]
    if (this.#maker === 'millrace') execFileSync(process.execPath, [command, 'storage', ...args])
    else execFileSync('java', ['-Xmx256m', '-cp', kafkaClassPath(), 'kafka.tools.StorageTool', ...args], { stdio: 'pipe' })
  }

  /** Starts the process of a node and waits for nothing. */
  launch(nodeId: number): void {
    const { file, directory } = this.#node(nodeId)
    const planted = this.#plantedBug
    const [program, args] =
      this.#maker === 'millrace'
        ? [process.execPath, [...(planted === null ? [] : ['--import', plantedBugLoader]), command, 'broker', file]]
        : ['java', ['-Xmx512m', '-Xms256m', '-cp', kafkaClassPath(), 'kafka.Kafka', file]]
    const env = planted === null ? process.env : { ...process.env, MILLRACE_PLANTED_BUG: planted }
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
    const log = createWriteStream(join(directory, 'log'), { flags: 'a' })
    child.stdout.pipe(log, { end: false })
    child.stderr.pipe(log, { end: false })
    this.#processes.set(nodeId, child)
    this.links.pids.set(nodeId, child.pid!)
    child.once('exit', () => {
      if (this.#processes.get(nodeId) === child) this.#processes.delete(nodeId)
    })
  }

  isRunning(nodeId: number): boolean {
    return this.#processes.has(nodeId)
  }

  /** SIGKILL and the like; resolves when a signal that ends it has done so. */
  async signal(nodeId: number, signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    const child = this.#processes.get(nodeId)
    if (child === undefined) throw new Error(`node ${nodeId} does not run\n${this.logTail(nodeId)}`)
    const ends = signal === 'SIGKILL' || signal === 'SIGTERM'
    const ended = ends ? once(child, 'exit') : undefined
    child.kill(signal)
    await ended
  }

  /** Broker that leads a partition; null: nobody, as far as the cluster says. */
  async leaderOf(topic: string, partition: number): Promise<number | null> {
    const [described] = await this.admin.describeTopics([topic])
    const leader = described!.partitions.find(each => each.partition === partition)!.leader
    return leader < 0 ? null : leader
  }

  /** The active controller. */
  async controller(): Promise<number> {
    return await until('an active controller', async () => {
      const { leaderId } = await this.admin.describeQuorum().catch(() => ({ leaderId: -1 }))
      return leaderId > 0 ? leaderId : null
    })
  }

  /** Resolves when every node serves clients. */
  async allUnfenced(): Promise<void> {
    await until(`${this.nodes.length} brokers\n${this.nodes.map(({ nodeId }) => this.logTail(nodeId)).join('\n')}`, async () => {
      const { brokers } = await this.admin.describeCluster().catch(() => ({ brokers: [] }))
      return brokers.length === this.nodes.length
    })
  }

  /** Resolves when every replica of the topics is in sync. */
  async allInSync(topics: readonly string[], timeoutMs = 60_000): Promise<void> {
    let missing = ''
    const check = async () => {
      const described = await this.admin.describeTopics(topics).catch(error => {
        missing = String(error)
        return null
      })
      if (described === null) return false
      missing = described
        .flatMap(({ topic, partitions }) =>
          partitions.map(({ partition, leader, replicas, inSyncReplicas: isr }) =>
            leader >= 0 && isr.length === replicas.length ? '' : `${topic}-${partition}: leader ${leader}, in sync ${isr}`,
          ),
        )
        .filter(text => text !== '')
        .join('; ')
      return missing === ''
    }
    await until('all replicas in sync', check, timeoutMs).catch(error => {
      throw new Error(
        `${(error as Error).message}: ${missing}\n${this.nodes.map(({ nodeId }) => this.logTail(nodeId)).join('\n')}`,
      )
    })
  }

  dataDirectory(nodeId: number): string {
    return dataDirectoryOf(this.#node(nodeId))
  }

  logTail(nodeId: number): string {
    const file = join(this.#node(nodeId).directory, 'log')
    return `--- node ${nodeId}\n${existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(-20).join('\n') : ''}`
  }

  /** Ends every process and removes the data. */
  async close(): Promise<void> {
    await this.admin.close()
    const ended = [...this.#processes.values()].map(child => once(child, 'exit'))
    for (const child of this.#processes.values()) child.kill('SIGKILL')
    await Promise.all(ended)
    this.links.close()
    for (const directory of this.#mounts) execFileSync('umount', [directory])
    rmSync(this.directory, { recursive: true, force: true })
  }

  #node(nodeId: number): ClusterNode {
    return this.nodes[nodeId - 1]!
  }
}

function dataDirectoryOf({ properties }: ClusterNode): string {
  return properties.get('log.dirs')!
}

/** Listens behind the proxies, and is known by their addresses. */
function listeningOn({ nodeId, properties }: ClusterNode, ports: ClusterPorts): Map<string, string> {
  const own = new Map(properties)
  own.set('advertised.listeners', properties.get('listeners')!)
  const [broker, controller] = [ports.brokers[nodeId - 1], ports.controllers[nodeId - 1]]
  const isController = properties.get('process.roles')!.includes('controller')
  own.set('listeners', `PLAINTEXT://${host}:${broker}${isController ? `,CONTROLLER://${host}:${controller}` : ''}`)
  return own
}
