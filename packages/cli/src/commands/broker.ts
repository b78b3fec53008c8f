import { startBroker } from '@millrace/broker'
import { nodeWorld } from '@millrace/runtime'
import type { Command } from '../arguments.ts'
import { readyMessage } from '../cluster/node-process.ts'
import { stderrLogger } from '../output.ts'
import { readPropertiesFile } from '../properties-file.ts'
import { untilStopped } from '../until-stopped.ts'

/** Runs one node in the foreground. The signal to stop is a controlled shutdown. */
export async function broker({ file }: Extract<Command, { name: 'broker' }>): Promise<void> {
  const world = nodeWorld()
  const logger = stderrLogger(world)
  const properties = readPropertiesFile(world, file)
  const stop = untilStopped()
  const node = await startBroker({ world, properties, logger, failed: stop.failed })
  // Whoever has started this process over a channel waits for it.
  process.send?.(readyMessage)
  try {
    logger.info('broker.stopping', { reason: await stop.reason })
  } finally {
    await node.close()
  }
}
