import { type Logger, nodeWorld, silentLogger, type World } from '@millrace/runtime'
import { registryHttp } from './http.ts'
import { Registry } from './registry.ts'
import { SchemasTopic } from './schemas-topic.ts'

export interface RegistryOptions {
  readonly bootstrapServers: string | string[]
  /** Default 127.0.0.1: there is no authentication yet. */
  readonly host?: string
  /** Default 8081; 0 picks a free one. */
  readonly port?: number
  /** Default `_schemas`. */
  readonly topic?: string
  /** Default 1. */
  readonly replicationFactor?: number
  /** Default 10,000. */
  readonly writeTimeoutMs?: number
  readonly world?: World
  readonly logger?: Logger
}

export interface RunningRegistry {
  readonly url: string
  readonly port: number
  close(): Promise<void>
}

/** Replays `_schemas` and serves Confluent's REST API. Rejects when the port is taken (EADDRINUSE) or the topic is not compacted. */
export async function startRegistry(options: RegistryOptions): Promise<RunningRegistry> {
  const { host = '127.0.0.1', port = 8081, logger = silentLogger, world = nodeWorld() } = options
  const registry = new Registry()
  const topic = new SchemasTopic(registry, {
    client: { bootstrapServers: options.bootstrapServers, world },
    logger,
    topic: options.topic ?? '_schemas',
    replicationFactor: options.replicationFactor ?? 1,
    writeTimeoutMs: options.writeTimeoutMs ?? 10_000,
  })
  const http = registryHttp({ registry, writer: topic, version: '8.2.0' })
  try {
    await topic.open()
    await http.listen({ host, port })
  } catch (error) {
    await http.close()
    await topic.close()
    throw error
  }
  const bound = (http.server.address() as { port: number }).port
  const url = `http://${host}:${bound}`
  logger.info('registry-started', { url, subjects: registry.subjects().length })
  return {
    url,
    port: bound,
    close: async () => {
      await http.close()
      await topic.close()
    },
  }
}
