import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, startNode } from '@millrace/broker'
import { type Logger, nodeWorld, silentLogger } from '@millrace/runtime'
import { type RunningRegistry, startRegistry } from '@millrace/schema-registry'

export interface ClusterOptions {
  /** Also starts a schema registry. Default false. */
  readonly registry?: boolean
  /** Keys of server.properties. */
  readonly properties?: ReadonlyMap<string, string>
  /** Default: says nothing. */
  readonly logger?: Logger
}

/** A broker (and registry) in the process of a test, on ports of its own, with data in a temporary folder. */
export interface Cluster {
  readonly bootstrapServers: string
  /** Present when asked for. */
  readonly registryUrl: string | undefined
  readonly dataDirectory: string
  /** Stops everything and removes the data. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts a cluster of one node in this process; it answers at once. `await using cluster = await startCluster()` closes it by itself. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { logger = silentLogger, properties = new Map() } = options
  const world = nodeWorld()
  const dataDirectory = mkdtempSync(join(tmpdir(), 'millrace-cluster-'))
  let broker: Broker | undefined
  let registry: RunningRegistry | undefined
  const close = async () => {
    await registry?.close()
    await broker?.close()
    rmSync(dataDirectory, { recursive: true, force: true })
  }
  try {
    broker = await startNode({ world, dataDirectory, host: '127.0.0.1', port: 0, logger, properties })
    if (options.registry) registry = await startRegistry({ bootstrapServers: broker.bootstrapServers, port: 0, world, logger })
  } catch (error) {
    await close()
    throw error
  }
  return {
    bootstrapServers: broker.bootstrapServers,
    registryUrl: registry?.url,
    dataDirectory,
    close,
    [Symbol.asyncDispose]: close,
  }
}
