import { type Logger, nodeWorld, silentLogger, sleep, type World } from '@millrace/runtime'
import { registryErrors } from './errors.ts'
import { registryHttp } from './http.ts'
import { type Primary, PrimaryElection } from './primary.ts'
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
  /** Of the topic, when it is made. Default -1: the broker's default. */
  readonly replicationFactor?: number
  /** Under which the other registries reach this one. Default: `host`. */
  readonly advertisedHost?: string
  /** Registries with the same group share a topic: one of them, the primary, writes, and the others forward to it. Default `schema-registry`. */
  readonly groupId?: string
  /** Whether this one may become the primary. Default true. */
  readonly primaryEligibility?: boolean
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
  const writeTimeoutMs = options.writeTimeoutMs ?? 10_000
  const client = { bootstrapServers: options.bootstrapServers, world }
  let election: PrimaryElection | null = null
  // Before it stands for election nobody asks it to write.
  const primary: Primary = {
    get isHere() {
      return election?.isHere ?? false
    },
    url: waitMs => election?.url(waitMs) ?? Promise.reject(registryErrors.unknownPrimary()),
  }
  const topic = new SchemasTopic(registry, {
    client,
    logger,
    topic: options.topic ?? '_schemas',
    replicationFactor: options.replicationFactor ?? -1,
    writeTimeoutMs,
    mayWrite: () => primary.isHere,
  })
  const forwarding = { primary, timeoutMs: writeTimeoutMs, sleep: (ms: number) => sleep(world.clock, ms) }
  const http = registryHttp({ registry, writer: topic, version: '8.2.0', forwarding })
  try {
    await topic.open()
    await http.listen({ host, port })
  } catch (error) {
    await http.close()
    await topic.close()
    throw error
  }
  const bound = (http.server.address() as { port: number }).port
  election = new PrimaryElection({
    client,
    logger,
    groupId: options.groupId ?? 'schema-registry',
    identity: {
      host: options.advertisedHost ?? host,
      port: bound,
      scheme: 'http',
      isEligible: options.primaryEligibility ?? true,
    },
  })
  election.start()
  const url = `http://${host}:${bound}`
  logger.info('registry-started', { url, subjects: registry.subjects().length })
  return {
    url,
    port: bound,
    close: async () => {
      // What is being written is written first; then another one may.
      await http.close()
      await topic.close()
      await election.close()
    },
  }
}
