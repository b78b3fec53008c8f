import { hostname } from 'node:os'
import {
  type ClusterNode,
  clientAddressOf,
  clusterIdOf,
  NodeProcess,
  openClusterFolder,
  startCommandOf,
} from '@millrace/cli/internal'
import { nodeWorld } from '@millrace/runtime'

export interface BrokersOptions {
  readonly directory: string
  readonly brokers: number
  readonly port: number | null
  readonly defaultPort: number
  /** Of Node: bounds of the heap. */
  readonly flags: readonly string[]
  readonly say: (what: string, where: string) => void
  /** Takes how to close what has been opened. */
  readonly opened: (close: () => Promise<void>) => void
  readonly isClosing: () => boolean
}

const replicas = 3

/**
 * The brokers of the job, a process each. One that dies is not started again: the others go on without it, and whoever has killed it is told how to start it by hand.
 */
export async function startBrokers(
  options: BrokersOptions,
): Promise<{ bootstrapServers: string; clusterId: string; replicationFactor: number }> {
  const world = nodeWorld()
  const { directory, brokers, port, defaultPort, flags, say, opened } = options
  const nodes = await openClusterFolder(world, { directory, host: '127.0.0.1', rack: hostname(), brokers, port, defaultPort })
  const processes = nodes.map(node => new NodeProcess({ node, flags, line: text => reportLine(node, text) }))
  opened(async () => {
    const killed = nodes.filter((_, i) => processes[i]!.hasEnded)
    await Promise.all(processes.map(each => each.stop()))
    for (const node of killed)
      if (await isAlive(node)) console.log(`Broker ${node.nodeId}, started by hand, goes on: Ctrl-C in its terminal ends it.`)
  })
  await Promise.all(processes.map(({ ready }) => ready))
  for (const [i, each] of processes.entries()) {
    const node = nodes[i]!
    say(`Broker ${node.nodeId}`, `${clientAddressOf(node)} (process ${each.pid})`)
    void each.ended.then(reason => {
      if (options.isClosing()) return
      console.error(
        `\nBroker ${node.nodeId} ended (${reason}), the job goes on without it. To start it again, in another terminal: ${startCommandOf(node)}`,
      )
    })
  }
  const clusterId = clusterIdOf(world, nodes[0]!)!
  const bootstrapServers = nodes.map(clientAddressOf).join(',')
  say('Brokers', `${bootstrapServers} (cluster ${clusterId})`)
  return { bootstrapServers, clusterId, replicationFactor: Math.min(replicas, brokers) }
}

/** Information would drown the job's own lines: what needs a person is shown. */
function reportLine({ nodeId }: ClusterNode, text: string): void {
  if (!/^\S+ INFO /.test(text)) console.error(`broker ${nodeId}: ${text}`)
}

const answerTimeoutMs = 1000

async function isAlive({ properties }: ClusterNode): Promise<boolean> {
  const url = properties.get('millrace.http.listener')
  if (!url) return false
  return await fetch(`${url}/health`, { signal: AbortSignal.timeout(answerTimeoutMs) }).then(
    ({ ok }) => ok,
    () => false,
  )
}
