import { resolve } from 'node:path'
import { startNode } from '@millrace/broker'
import { MillraceError, nodeWorld } from '@millrace/runtime'
import { startRegistry } from '@millrace/schema-registry'
import type { Command } from '../arguments.ts'
import { print, stderrLogger } from '../output.ts'
import { untilStopped } from '../until-stopped.ts'

const host = '127.0.0.1'

/** A broker and a schema registry on loopback, with data in one folder that is formatted on first use. */
export async function start({ port, registryPort, data }: Extract<Command, { name: 'start' }>): Promise<void> {
  const world = nodeWorld()
  const logger = stderrLogger(world)
  const startedMs = world.clock.monotonic()
  const dataDirectory = `${resolve(data)}/broker-1`
  const stop = untilStopped()
  const broker = await startNode({ world, logger, host, port, dataDirectory, failed: stop.failed })
  try {
    const { bootstrapServers } = broker
    const registry = await startRegistry({ bootstrapServers, host, port: registryPort, world, logger }).catch(error => {
      throw portInUse(error, registryPort)
    })
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

function portInUse(error: unknown, port: number): unknown {
  if ((error as { code?: string }).code !== 'EADDRINUSE') return error
  return new MillraceError('PORT_IN_USE', `port ${port} of ${host} is in use`, { hint: 'choose another with --registry-port' })
}
