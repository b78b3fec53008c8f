import { uuidOf } from '@millrace/protocol'
import { bracketed, DiskError, type Logger, MillraceError, type World } from '@millrace/runtime'
import { type Broker, startBroker } from './broker.ts'
import { formatStorage } from './storage/format-storage.ts'
import { readMetaProperties } from './storage/meta-properties.ts'

export interface NodeOptions {
  readonly world: World
  /** Made and formatted if it is not there; otherwise its data go on. */
  readonly dataDirectory: string
  /** Address to listen on and to be reached at. Default 127.0.0.1. */
  readonly host?: string
  /** 0 takes a free port. Default 9092. */
  readonly port?: number
  /** Default 1. */
  readonly nodeId?: number
  /** Must be the directory's if that is formatted already. Default: the directory's, or a random one. */
  readonly clusterId?: string
  readonly logger: Logger
  /** Further keys of server.properties; they win over what this function sets. */
  readonly properties?: ReadonlyMap<string, string>
  /** The node cannot go on and has closed itself. */
  readonly failed?: (error: Error) => void
}

/**
 * A cluster of one node with nothing to configure: broker and controller, replication factor one for its own topics, groups that start at once.
 * Throws (rejects) a MillraceError with what to do: PORT_IN_USE, DATA_DIRECTORY, CLUSTER_ID_MISMATCH, NODE_ID_MISMATCH, DATA_LOCKED.
 */
export async function startNode(options: NodeOptions): Promise<Broker> {
  const { world, logger, dataDirectory } = options
  const properties = nodeProperties(options)
  try {
    const formatted = readMetaProperties(world.disk, dataDirectory)
    if (formatted === null) {
      const clusterId = options.clusterId ?? randomUuid(world)
      world.disk.makeDirectory(dataDirectory)
      formatStorage(world, { properties, clusterId, standalone: true })
    } else if (options.clusterId !== undefined && options.clusterId !== formatted.clusterId) {
      throw new MillraceError(
        'CLUSTER_ID_MISMATCH',
        `${dataDirectory} belongs to the cluster ${formatted.clusterId}, not to ${options.clusterId}`,
        {
          hint: 'name another data folder, or leave the cluster id out',
        },
      )
    }
    return await startBroker({ world, logger, properties, ...(options.failed ? { failed: options.failed } : {}) })
  } catch (error) {
    throw explained(error, dataDirectory)
  }
}

function nodeProperties({
  dataDirectory,
  host = '127.0.0.1',
  port = 9092,
  nodeId = 1,
  properties,
}: NodeOptions): Map<string, string> {
  const address = bracketed(host)
  return new Map([
    ['process.roles', 'broker,controller'],
    ['node.id', String(nodeId)],
    ['listeners', `PLAINTEXT://${address}:${port},CONTROLLER://127.0.0.1:0`],
    ['controller.listener.names', 'CONTROLLER'],
    ['listener.security.protocol.map', 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT'],
    ['controller.quorum.bootstrap.servers', '127.0.0.1:0'],
    ['log.dirs', dataDirectory],
    ['offsets.topic.replication.factor', '1'],
    ['group.initial.rebalance.delay.ms', '0'],
    ...(properties ?? []),
  ])
}

function explained(error: unknown, dataDirectory: string): unknown {
  if (error instanceof DiskError)
    return new MillraceError('DATA_DIRECTORY', `cannot use the data folder ${dataDirectory}: ${error.message}`, {
      hint: 'choose a folder that this user may write to, on a disk with space',
      cause: error,
    })
  return error
}

function randomUuid(world: World): string {
  for (;;) {
    const id = uuidOf(world.random.bytes(16))
    // Kafka's own ids never begin like an option.
    if (!id.startsWith('-')) return id
  }
}
