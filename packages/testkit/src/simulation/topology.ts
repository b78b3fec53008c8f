import type { FormatOptions } from '@millrace/broker'
import type { SimulationOptions } from './options.ts'

/** One node as it is formatted and started. */
export interface NodePlan {
  readonly id: number
  /** Its machine and its name on the network. */
  readonly host: string
  readonly isBroker: boolean
  readonly isController: boolean
  readonly rack: string | null
  /** The first one has the metadata. */
  readonly logDirectories: readonly string[]
  readonly properties: ReadonlyMap<string, string>
  /** How its first disk is formatted. */
  readonly format: QuorumFormat
  /** How a disk is formatted that takes the place of a lost one. */
  readonly formatAnew: QuorumFormat
}

/** Who votes, as formatting is told. */
export type QuorumFormat = Pick<FormatOptions, 'standalone' | 'initialControllers' | 'noInitialControllers'>

export const clusterId = 'AAAAAAAAAAAAAAAAAAAAAQ'
const clientPort = 9092
const controllerPort = 9093
const firstControllerId = 101
const racks = ['east', 'west']

/** The nodes of a run, brokers first. */
export function planNodes(options: SimulationOptions): NodePlan[] {
  const shapes = Array.from({ length: options.brokers }, (_, index) => ({
    id: index + 1,
    host: `broker${index + 1}`,
    isBroker: true,
    isController: options.combined && index < options.controllers,
    rack: options.racks ? racks[index % racks.length]! : null,
    logDirectories: ['/data', '/more'].slice(0, options.logDirectories),
  }))
  if (!options.combined)
    for (let index = 0; index < options.controllers; index++)
      shapes.push({
        id: firstControllerId + index,
        host: `controller${index + 1}`,
        isBroker: false,
        isController: true,
        rack: null,
        logDirectories: ['/data'],
      })
  const quorum = quorumProperties(options, shapes)
  return shapes.map(shape => ({
    ...shape,
    properties: new Map(Object.entries({ ...properties(options, shape), ...quorum })),
    format: quorumFormat(options, shapes, shape),
    formatAnew: options.voters === 'static' ? {} : { noInitialControllers: true },
  }))
}

/** The rack of a client, by its number. */
export function rackOf(client: number): string {
  return racks[client % racks.length]!
}

/** Where clients begin. */
export function bootstrapServersOf(nodes: readonly NodePlan[]): string {
  return nodes
    .filter(({ isBroker }) => isBroker)
    .map(({ host }) => `${host}:${clientPort}`)
    .join()
}

type Shape = Omit<NodePlan, 'properties' | 'format' | 'formatAnew'>

function quorumProperties({ voters }: SimulationOptions, shapes: readonly Shape[]): Record<string, string> {
  const controllers = shapes.filter(({ isController }) => isController)
  return voters === 'static'
    ? { 'controller.quorum.voters': controllers.map(({ id, host }) => `${id}@${host}:${controllerPort}`).join() }
    : {
        'controller.quorum.bootstrap.servers': controllers.map(({ host }) => `${host}:${controllerPort}`).join(),
        'controller.quorum.auto.join.enable': 'true',
      }
}

function quorumFormat({ voters }: SimulationOptions, shapes: readonly Shape[], shape: Shape): QuorumFormat {
  const controllers = shapes.filter(({ isController }) => isController)
  switch (voters) {
    case 'static':
      return {}
    case 'dynamic':
      return {
        initialControllers: controllers.map(({ id, host }) => ({
          id,
          host,
          port: controllerPort,
          directoryId: directoryIdOf(id),
        })),
      }
    case 'joining':
      return shape === controllers[0] ? { standalone: true } : { noInitialControllers: true }
  }
}

/** A uuid. */
function directoryIdOf(id: number): string {
  const bytes = Buffer.alloc(16, 7)
  bytes.writeUInt16BE(id, 14)
  return bytes.toString('base64url')
}

function properties(options: SimulationOptions, { id, host, isBroker, isController, rack, logDirectories }: Shape) {
  const client = `PLAINTEXT://${host}:${clientPort}`
  const controller = `CONTROLLER://${host}:${controllerPort}`
  const listeners = [...(isBroker ? [client] : []), ...(isController ? [controller] : [])].join()
  const checkpointMs = String(options.checkpointEveryMs)
  const internalReplicas = String(options.replicationFactor)
  return {
    'process.roles': [...(isBroker ? ['broker'] : []), ...(isController ? ['controller'] : [])].join(),
    'node.id': String(id),
    listeners,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'log.dirs': logDirectories.join(),
    'offsets.topic.num.partitions': String(options.offsetsPartitions),
    'offsets.topic.replication.factor': internalReplicas,
    'default.replication.factor': internalReplicas,
    'min.insync.replicas': String(options.minIsr),
    'group.initial.rebalance.delay.ms': '0',
    'log.roll.ms': String(options.segmentMs),
    'log.index.interval.bytes': String(options.indexIntervalBytes),
    'log.initial.task.delay.ms': '100',
    'log.retention.check.interval.ms': '300',
    'log.segment.delete.delay.ms': '500',
    'log.flush.offset.checkpoint.interval.ms': checkpointMs,
    'log.flush.start.offset.checkpoint.interval.ms': checkpointMs,
    'replica.high.watermark.checkpoint.interval.ms': checkpointMs,
    'controller.quorum.election.timeout.ms': String(options.electionTimeoutMs),
    'controller.quorum.election.backoff.max.ms': String(options.electionTimeoutMs),
    'controller.quorum.fetch.timeout.ms': String(options.quorumFetchTimeoutMs),
    'controller.quorum.request.timeout.ms': String(options.quorumFetchTimeoutMs),
    'initial.broker.registration.timeout.ms': '600000',
    'broker.session.timeout.ms': String(options.brokerSessionMs),
    'broker.heartbeat.interval.ms': String(options.brokerHeartbeatMs),
    'replica.lag.time.max.ms': String(options.replicaLagMs),
    'replica.fetch.wait.max.ms': String(options.replicaFetchWaitMs),
    'replica.fetch.max.bytes': String(options.replicaFetchBytes),
    'replica.fetch.response.max.bytes': String(options.replicaFetchResponseBytes),
    'replica.fetch.backoff.ms': '100',
    'replica.socket.timeout.ms': '2000',
    'metadata.log.max.record.bytes.between.snapshots': String(options.snapshotBytes),
    'auto.leader.rebalance.enable': String(options.rebalanceEverySeconds > 0),
    'leader.imbalance.check.interval.seconds': String(Math.max(1, options.rebalanceEverySeconds)),
    ...(rack === null
      ? {}
      : { 'broker.rack': rack, 'replica.selector.class': 'org.apache.kafka.common.replica.RackAwareReplicaSelector' }),
    ...(options.flush === 'ack' ? { 'log.flush.interval.messages': '1' } : {}),
  }
}
