import { nodeWorld, textLogger } from '@millrace/runtime'
import { startRegistry } from '@millrace/schema-registry'
import { serveParent } from './child-process.ts'

/** The schema registry of a job with several brokers: a process of its own, so that any broker may be killed. Arguments: bootstrap servers, port, replication factor. */
export interface RegistryReady {
  readonly registryUrl: string
  readonly registryPort: number
}

const [bootstrapServers, port, replicationFactor] = process.argv.slice(2)

await serveParent<RegistryReady>(async () => {
  const world = nodeWorld()
  const all = textLogger(world.clock.now, line => process.stderr.write(`${line}\n`))
  const registry = await startRegistry({
    bootstrapServers: bootstrapServers!,
    host: '127.0.0.1',
    port: Number(port),
    replicationFactor: Number(replicationFactor),
    world,
    logger: { ...all, info: () => {} },
  }).catch(error => {
    throw explainRegistry(error, port!)
  })
  return { ready: { registryUrl: registry.url, registryPort: registry.port }, close: () => registry.close() }
})

function explainRegistry(error: unknown, port: string): unknown {
  if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') return error
  return new Error(`Port ${port} for the schema registry is in use: choose another with --registry-port P (0: any)`)
}
