import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type Broker, startNode } from '@millrace/broker'
import { CreateTopics, ErrorCode, Metadata } from '@millrace/protocol'
import { type Facts, nodeWorld, type World } from '@millrace/runtime'
import { RawConnection } from './raw-connection.ts'

export interface LogLine {
  readonly level: 'info' | 'warn' | 'error'
  readonly event: string
  readonly facts: Facts
}

/** A node of this process on a folder of its own, with its log lines kept. */
export class NodeUnderTest {
  readonly broker: Broker
  readonly port: number
  readonly lines: LogLine[]
  readonly #directory: string

  private constructor(broker: Broker, lines: LogLine[], directory: string) {
    this.broker = broker
    this.port = broker.listeners[0]!.port
    this.lines = lines
    this.#directory = directory
  }

  static async start(
    options: { world?: (world: World) => World; properties?: Record<string, string>; directories?: string[] } = {},
  ): Promise<NodeUnderTest> {
    const { directories = ['data'] } = options
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-security-'))
    const lines: LogLine[] = []
    const at =
      (level: LogLine['level']) =>
      (event: string, facts: Facts = {}) =>
        void lines.push({ level, event, facts })
    const world = options.world ? options.world(nodeWorld()) : nodeWorld()
    const broker = await startNode({
      world,
      dataDirectory: path.join(directory, directories[0]!),
      host: '127.0.0.1',
      port: 0,
      logger: { info: at('info'), warn: at('warn'), error: at('error') },
      properties: new Map([
        ['log.dirs', directories.map(name => path.join(directory, name)).join(',')],
        ...Object.entries(options.properties ?? {}),
      ]),
    })
    return new NodeUnderTest(broker, lines, directory)
  }

  connect(): Promise<RawConnection> {
    return RawConnection.open(this.port)
  }

  /** Creates a topic of one partition unless told otherwise. */
  async createTopic(name: string, options: { partitions?: number; configs?: Record<string, string> } = {}): Promise<void> {
    const connection = await this.connect()
    const { topics } = await connection.request(CreateTopics, 5, {
      timeoutMs: 10_000,
      topics: [
        {
          name,
          numPartitions: options.partitions ?? 1,
          replicationFactor: 1,
          configs: Object.entries(options.configs ?? {}).map(([key, value]) => ({ name: key, value })),
        },
      ],
    })
    connection.close()
    if (topics[0]!.errorCode !== ErrorCode.NONE)
      throw new Error(`creating ${name}: ${topics[0]!.errorCode} ${topics[0]!.errorMessage}`)
  }

  /** Lines that warn or tell of an error, from the time of `since` lines on. */
  complaints(since = 0): LogLine[] {
    return this.lines.slice(since).filter(({ level }) => level !== 'info')
  }

  async stop(): Promise<void> {
    await this.broker.close()
    fs.rmSync(this.#directory, { recursive: true, force: true })
  }
}

/** Whether a connection is served as if nothing had happened. */
export async function isServed(connection: RawConnection): Promise<boolean> {
  const { brokers } = await connection.request(Metadata, 9, { topics: [] })
  return brokers.length === 1
}
