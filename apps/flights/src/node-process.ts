import { startNode } from '@millrace/broker'
import { nodeWorld, textLogger } from '@millrace/runtime'
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

await serveParent<NodeReady>(async () => {
  const [dataDirectory, brokerPort, registryPort] = process.argv.slice(2)
  const world = nodeWorld()
  // Information would drown the job's own lines: what needs a person is shown.
  const all = textLogger(world.clock.now, line => process.stderr.write(`${line}\n`))
  const logger = { ...all, info: () => {} }
  const broker = await startNode({ world, dataDirectory: dataDirectory!, host, port: Number(brokerPort), logger })
  try {
    const registry = await startRegistry({
      bootstrapServers: broker.bootstrapServers,
      host,
      port: Number(registryPort),
      world,
      logger,
    })
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
