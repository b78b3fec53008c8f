import { resolve } from 'node:path'
import { startNode } from '@millrace/broker'
import { MillraceError, nodeWorld, type World } from '@millrace/runtime'
import { type Command, defaults } from '../arguments.ts'
import { nodesIn } from '../cluster/cluster-folder.ts'
import { print, stderrLogger } from '../output.ts'
import { untilStopped } from '../until-stopped.ts'
import { host, openRegistry } from './local-registry.ts'
import { startCluster } from './start-cluster.ts'

type StartCommand = Extract<Command, { name: 'start' }>

/** Brokers and a schema registry on loopback, with data in one folder that is made on first use: one node in this process, several in one each. */
export async function start(command: StartCommand): Promise<void> {
  const world = nodeWorld()
  const directory = resolve(command.data)
  const dataDirectory = `${directory}/broker-1`
  if ((command.brokers ?? 1) === 1 && nodesIn(world, directory) === 0) return startSingle(world, command, dataDirectory)
  if (world.disk.exists(dataDirectory))
    throw new MillraceError('CLUSTER_SHAPE', `${directory} holds the data of a single broker`, {
      hint: 'leave --brokers out, or choose another folder with --data',
    })
  return startCluster(world, command, directory)
}

async function startSingle(world: World, { port, registryPort }: StartCommand, dataDirectory: string): Promise<void> {
  const logger = stderrLogger(world)
  const startedMs = world.clock.monotonic()
  const stop = untilStopped()
  const broker = await startNode({ world, logger, host, port: port ?? defaults.port, dataDirectory, failed: stop.failed })
  try {
    const { bootstrapServers } = broker
    const registry = await openRegistry({ bootstrapServers, port: registryPort, world, logger })
    try {
      print(`broker           ${bootstrapServers}`)
      print(`schema registry  ${registry.url}`)
      print(`data             ${dataDirectory}`)
      print(`ready in ${Math.round(world.clock.monotonic() - startedMs)} ms; Ctrl-C stops it`)
      logger.info('stopping', { reason: await stop.reason })
    } finally {
      await registry.close()
    }
  } finally {
    await broker.close()
  }
}
