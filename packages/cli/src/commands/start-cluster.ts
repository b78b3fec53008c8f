import { hostname } from 'node:os'
import { MillraceError, messageOf, type World } from '@millrace/runtime'
import { type Command, defaults } from '../arguments.ts'
import { openClusterFolder } from '../cluster/cluster-folder.ts'
import type { ClusterNode } from '../cluster/cluster-plan.ts'
import { clientAddressOf, startCommandOf } from '../cluster/node-facts.ts'
import { NodeProcess } from '../cluster/node-process.ts'
import { print, stderrLogger } from '../output.ts'
import { type Stop, untilStopped } from '../until-stopped.ts'
import { host, openRegistry } from './local-registry.ts'

const replicas = 3

/** Several nodes, a process each; a node that dies is reported, with the command that starts it again. Ends when it is told to, or no node is left. */
export async function startCluster(world: World, command: Extract<Command, { name: 'start' }>, directory: string): Promise<void> {
  const { brokers, port, registryPort } = command
  const logger = stderrLogger(world)
  const startedMs = world.clock.monotonic()
  const nodes = await openClusterFolder(world, { directory, host, rack: hostname(), brokers, port, defaultPort: defaults.port })
  const stop = untilStopped()
  const processes: NodeProcess[] = []
  try {
    for (const node of nodes)
      processes.push(new NodeProcess({ node, line: text => process.stderr.write(`node ${node.nodeId}: ${text}\n`) }))
    await until(stop.reason, Promise.all(processes.map(({ ready }) => ready)))
    watch(nodes, processes, stop)
    const bootstrapServers = nodes.map(clientAddressOf)
    const registry = await openRegistry({
      bootstrapServers,
      port: registryPort,
      replicationFactor: Math.min(replicas, nodes.length),
      world,
      logger,
    })
    try {
      print(`brokers          ${bootstrapServers.join(',')}`)
      print(`schema registry  ${registry.url}`)
      for (const [i, node] of nodes.entries()) print(describe(node, processes[i]!))
      print(`data             ${directory}`)
      print(`ready in ${Math.round(world.clock.monotonic() - startedMs)} ms; Ctrl-C stops all of it`)
      logger.info('stopping', { reason: await stop.reason })
    } finally {
      await registry.close()
    }
  } catch (error) {
    if (error instanceof Stopped) return
    throw error
  } finally {
    await Promise.all(processes.map(each => each.stop()))
  }
}

class Stopped extends Error {}

/** What is waited for, unless the process is told to stop before. */
async function until<T>(reason: Promise<string>, work: Promise<T>): Promise<T> {
  const stopped = reason.then(() => {
    throw new Stopped()
  })
  try {
    return await Promise.race([work, stopped])
  } catch (error) {
    if (error instanceof Stopped) throw error
    throw new MillraceError('NODE_FAILED', messageOf(error), { cause: error })
  }
}

function watch(nodes: readonly ClusterNode[], processes: readonly NodeProcess[], { reason, failed }: Stop): void {
  let isStopping = false
  void reason.then(
    () => (isStopping = true),
    () => {},
  )
  for (const [i, each] of processes.entries())
    void each.ended.then(reason => {
      if (isStopping) return
      print(`node ${each.nodeId} ended (${reason}); to start it again: ${startCommandOf(nodes[i]!)}`)
      if (processes.every(({ hasEnded }) => hasEnded)) failed(new MillraceError('NO_NODE_LEFT', 'no node is left'))
    })
}

function describe({ nodeId, properties }: ClusterNode, { pid }: NodeProcess): string {
  const http = properties.get('millrace.http.listener')
  const roles = properties.get('process.roles')?.replace(',', ' and ')
  return `node ${nodeId}`.padEnd(17) + [roles, `process ${pid}`, ...(http ? [`${http}/metrics`] : [])].join(', ')
}
