import { type Broker, startBroker } from '@millrace/broker'
import { nodeWorld } from '@millrace/runtime'
import type { Command } from '../arguments.ts'
import { readyMessage } from '../cluster/node-process.ts'
import { stderrLogger } from '../output.ts'
import { readPropertiesFile } from '../properties-file.ts'
import { type Stop, untilStopped } from '../until-stopped.ts'

/** Runs one node in the foreground. The signal to stop is a controlled shutdown. */
export async function broker({ file }: Extract<Command, { name: 'broker' }>): Promise<void> {
  const world = nodeWorld()
  const logger = stderrLogger(world)
  const properties = readPropertiesFile(world, file)
  const stop = untilStopped()
  const starting = startBroker({ world, properties, logger, failed: stop.failed })
  const node = await unlessStopped(starting, stop)
  if (node === null) {
    // Its quorum may never come: nothing of it was served, and what it has written is as after a crash.
    logger.info('broker.stopping', { reason: await stop.reason, while: 'it starts' })
    process.exit(0)
  }
  // Whoever has started this process over a channel waits for it.
  process.send?.(readyMessage)
  try {
    logger.info('broker.stopping', { reason: await stop.reason })
  } finally {
    await node.close()
  }
}

/** How long a node that is told to stop while it starts may take to come so far that it can be closed. */
const startGraceMs = 2000

/** null: it is told to stop, and has not started shortly after. */
async function unlessStopped(starting: Promise<Broker>, { reason }: Stop): Promise<Broker | null> {
  const given = reason.then(() => new Promise<null>(resolve => setTimeout(() => resolve(null), startGraceMs).unref()))
  return await Promise.race([starting, given])
}
