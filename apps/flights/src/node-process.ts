import { startNode } from '@millrace/broker'
import { MillraceError, messageOf, nodeWorld, textLogger } from '@millrace/runtime'
import { startRegistry } from '@millrace/schema-registry'
import { serveParent } from './child-process.ts'

/** The broker, which is the controller too, and the schema registry: one process. Arguments: data folder, broker port, registry port. */
export interface NodeReady {
  readonly bootstrapServers: string
  readonly brokerPort: number
  readonly registryUrl: string
  readonly registryPort: number
  readonly clusterId: string
}

const host = '127.0.0.1'

const [dataDirectory, brokerPort, registryPort] = process.argv.slice(2)

await serveParent<NodeReady>(async () => {
  const world = nodeWorld()
  // Information would drown the job's own lines: what needs a person is shown.
  const all = textLogger(world.clock.now, line => process.stderr.write(`${line}\n`))
  const logger = { ...all, info: () => {} }
  const broker = await startNode({
    world,
    dataDirectory: dataDirectory!,
    host,
    port: Number(brokerPort),
    logger,
    failed: error => {
      console.error(`The broker can't go on: ${error.message}`)
      process.exit(1)
    },
  }).catch(explainBroker)
  try {
    const registry = await startRegistry({
      bootstrapServers: broker.bootstrapServers,
      host,
      port: Number(registryPort),
      world,
      logger,
    }).catch(explainRegistry)
    return {
      ready: {
        bootstrapServers: broker.bootstrapServers,
        brokerPort: Number(broker.bootstrapServers.split(':').at(-1)),
        registryUrl: registry.url,
        registryPort: registry.port,
        clusterId: broker.clusterId,
      },
      close: async () => {
        await registry.close()
        await broker.close()
      },
    }
  } catch (error) {
    await broker.close()
    throw error
  }
})

/** In terms of this program's options. */
function explainBroker(error: unknown): never {
  switch (error instanceof MillraceError ? error.code : '') {
    case 'PORT_IN_USE':
      throw new Error(`Port ${brokerPort} for the broker is in use: choose another with --broker-port P (0: any)`)
    case 'DATA_LOCKED':
      throw new Error(`${dataDirectory} is in use by another process: end that one, or choose another folder with --data DIR`)
    case 'NODE_ID_MISMATCH':
      throw new Error(`${messageOf(error).replace(/ \(.*/, '')}: choose another folder with --data DIR`)
    default:
      throw error
  }
}

function explainRegistry(error: unknown): never {
  if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
  throw new Error(`Port ${registryPort} for the schema registry is in use: choose another with --registry-port P (0: any)`)
}
