import { bracketed, formatProperties } from '@millrace/runtime'

/** What is to be known of a local cluster to write its nodes' files. */
export interface ClusterShape {
  /** At least 1. The first three are controllers too, of fewer than three the first alone. */
  readonly brokers: number
  /** All listeners; loopback unless the machine is to be reached from others. */
  readonly host: string
  readonly ports: ClusterPorts
  /** `node-K/` is made in it for each node. */
  readonly directory: string
  /** Nodes of one host are one rack: replicas are placed apart only over hosts. */
  readonly rack: string
  /** Further keys for each node; they win. */
  readonly properties?: ReadonlyMap<string, string>
}

/** Index = node id - 1. */
export interface ClusterPorts {
  readonly brokers: readonly number[]
  readonly controllers: readonly number[]
  /** null: nodes serve no HTTP. */
  readonly http: readonly number[] | null
}

/** One node of a cluster as its file says. */
export interface ClusterNode {
  readonly nodeId: number
  readonly directory: string
  /** Its server.properties. */
  readonly file: string
  readonly properties: ReadonlyMap<string, string>
}

export const maxBrokers = 100
const replicas = 3
const controllers = 3
/** Distances from the first broker's port: 9092 gives controllers on 10092 and HTTP on 9644, where people look for them. */
const controllerPortDistance = 1000
const httpPortDistance = 552
/** What a first port may be at most, so that those of all nodes exist. */
export const maxFirstPort = 65_535 - controllerPortDistance - maxBrokers

/** The ports of a cluster whose first broker listens on `first`. */
export function portsFrom(first: number, brokers: number): ClusterPorts {
  const from = (port: number) => Array.from({ length: brokers }, (_, i) => port + i)
  return {
    brokers: from(first),
    controllers: from(first + controllerPortDistance).slice(0, controllersOf(brokers)),
    http: from(first + httpPortDistance),
  }
}

/** How many of the nodes are controllers. */
export function controllersOf(brokers: number): number {
  return brokers < controllers ? 1 : controllers
}

/**
 * The nodes with the properties that each is to have: Apache Kafka takes them as well. From three nodes on topics have three replicas, of which two must have a record
 * before it is acknowledged; with fewer, as many as there are and one.
 */
export function planCluster(shape: ClusterShape): ClusterNode[] {
  return Array.from({ length: shape.brokers }, (_, i) => {
    const nodeId = i + 1
    const directory = `${shape.directory}/node-${nodeId}`
    return { nodeId, directory, file: `${directory}/server.properties`, properties: propertiesOf(nodeId, directory, shape) }
  })
}

/** The text of a node's file. */
export function propertiesText({ nodeId, properties }: ClusterNode): string {
  return `# Node ${nodeId} of a local cluster, written by Millrace. Apache Kafka takes it as well. It is read at each start and never written again.
${formatProperties(properties)}`
}

function propertiesOf(nodeId: number, directory: string, shape: ClusterShape): Map<string, string> {
  const { brokers, ports, rack } = shape
  const host = bracketed(shape.host)
  const clients = `PLAINTEXT://${host}:${ports.brokers[nodeId - 1]}`
  const isController = nodeId <= controllersOf(brokers)
  const factor = Math.min(replicas, brokers)
  return new Map([
    ['process.roles', isController ? 'broker,controller' : 'broker'],
    ['node.id', String(nodeId)],
    ['broker.rack', rack],
    ['controller.quorum.voters', ports.controllers.map((port, i) => `${i + 1}@${host}:${port}`).join(',')],
    ['listeners', isController ? `${clients},CONTROLLER://${host}:${ports.controllers[nodeId - 1]}` : clients],
    ['advertised.listeners', clients],
    ['controller.listener.names', 'CONTROLLER'],
    ['inter.broker.listener.name', 'PLAINTEXT'],
    ['listener.security.protocol.map', 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT'],
    ['log.dirs', `${directory}/data`],
    ['default.replication.factor', String(factor)],
    ['min.insync.replicas', String(factor < replicas ? 1 : replicas - 1)],
    ['offsets.topic.replication.factor', String(factor)],
    // Kafka's own topics need three nodes otherwise.
    ...(factor < replicas
      ? ([
          ['transaction.state.log.replication.factor', String(factor)],
          ['transaction.state.log.min.isr', '1'],
          ['share.coordinator.state.topic.replication.factor', String(factor)],
          ['share.coordinator.state.topic.min.isr', '1'],
        ] as const)
      : []),
    ['group.initial.rebalance.delay.ms', '0'],
    ...(ports.http === null ? [] : ([['millrace.http.listener', `http://${host}:${ports.http[nodeId - 1]}`]] as const)),
    ...(shape.properties ?? []),
  ])
}
