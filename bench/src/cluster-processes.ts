import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ClusterNode, planCluster, portsFrom, propertiesText } from '@millrace/cli/internal'
import { Admin } from '@millrace/client'
import { runTool, startClass } from './kafka-tools.ts'
import { publishedCommand } from './published-command.ts'

export type Maker = 'Apache Kafka' | 'Millrace'

const clusterId = 'AAAAAAAAAAAAAAAAAAAAAQ'
const nodeCount = 3
const host = '127.0.0.1'
/** As long as a hung cluster is waited for. */
const patienceMs = 300_000

/** Three nodes of one maker, a process each, broker and controller, on the same `server.properties` for both makers. */
export class ClusterProcesses {
  readonly maker: Maker
  readonly bootstrap: string
  readonly admin: Admin
  readonly #directory: string
  readonly #nodes: readonly ClusterNode[]
  readonly #processes = new Map<number, ChildProcess>()

  private constructor(maker: Maker, directory: string, nodes: readonly ClusterNode[], ports: readonly number[]) {
    this.maker = maker
    this.#directory = directory
    this.#nodes = nodes
    this.bootstrap = ports.map(port => `${host}:${port}`).join(',')
    this.admin = new Admin({
      bootstrapServers: this.bootstrap,
      clientId: 'bench',
      reconnectBackoffMs: 2,
      reconnectBackoffMaxMs: 5,
    })
  }

  /** Formatted, not started. */
  static make(maker: Maker, firstPort: number, properties: Readonly<Record<string, string>> = {}): ClusterProcesses {
    const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-cluster-'))
    const ports = { ...portsFrom(firstPort, nodeCount), http: null }
    const nodes = planCluster({
      brokers: nodeCount,
      host,
      ports,
      directory,
      rack: 'bench',
      properties: new Map(Object.entries(properties)),
    })
    for (const node of nodes) {
      mkdirSync(node.directory)
      writeFileSync(node.file, propertiesText(node))
      const args = ['format', '-t', clusterId, '-c', node.file]
      if (maker === 'Apache Kafka') runTool('kafka.tools.StorageTool', args)
      else if (spawnSync(process.execPath, [publishedCommand(), 'storage', ...args]).status !== 0)
        throw new Error(`format of ${node.file} failed`)
    }
    return new ClusterProcesses(maker, directory, nodes, ports.brokers)
  }

  get nodeIds(): readonly number[] {
    return this.#nodes.map(({ nodeId }) => nodeId)
  }

  get pids(): readonly number[] {
    return [...this.#processes.values()].map(({ pid }) => pid!)
  }

  /** Starts all nodes. Resolves with the milliseconds until a client was told of all of them. */
  async start(): Promise<number> {
    const startedMs = performance.now()
    for (const nodeId of this.nodeIds) this.launch(nodeId)
    await this.allServe()
    return performance.now() - startedMs
  }

  launch(nodeId: number): void {
    const { file, directory } = this.#nodes[nodeId - 1]!
    const log = openSync(join(directory, 'log'), 'a')
    const stdio = ['ignore', log, log] as const
    const child =
      this.maker === 'Apache Kafka'
        ? startClass('kafka.Kafka', [file], ['-Xmx1g', '-Xms1g'], { stdio: [...stdio] })
        : spawn(process.execPath, [publishedCommand(), 'broker', file], { stdio: [...stdio] })
    this.#processes.set(nodeId, child)
  }

  async allServe(): Promise<void> {
    await eventually('all brokers', async () => (await this.admin.describeCluster()).brokers.length === nodeCount)
  }

  /** Every replica of the topics is in sync. */
  async allInSync(topics: readonly string[]): Promise<void> {
    await eventually('all replicas in sync', async () => {
      const described = await this.admin.describeTopics(topics)
      return described.every(({ partitions }) =>
        partitions.every(({ leader, inSyncReplicas, replicas }) => leader > 0 && inSyncReplicas.length === replicas.length),
      )
    })
  }

  async kill(nodeId: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#processes.get(nodeId)!
    this.#processes.delete(nodeId)
    const ended = new Promise(resolve => child.once('exit', resolve))
    child.kill(signal)
    await ended
  }

  async createTopic(topic: string, partitions: number): Promise<void> {
    await this.admin.createTopics([{ topic, partitions, replicationFactor: nodeCount, configs: { 'min.insync.replicas': '2' } }])
    await this.allInSync([topic])
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#processes.keys()].map(nodeId => this.kill(nodeId, 'SIGTERM')))
    await this.admin.close()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

/** Asks again at once after a failure or a no. */
export async function eventually(what: string, check: () => Promise<boolean>): Promise<void> {
  for (const deadlineMs = performance.now() + patienceMs; ; ) {
    if (await check().catch(() => false)) return
    if (performance.now() > deadlineMs) throw new Error(`timed out: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}
