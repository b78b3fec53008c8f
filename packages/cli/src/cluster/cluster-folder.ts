import { formatStorage } from '@millrace/broker'
import { newUuid } from '@millrace/broker/internal'
import { MillraceError, parseProperties, replaceFile, type World } from '@millrace/runtime'
import { type ClusterNode, type ClusterShape, planCluster, portsFrom, propertiesText } from './cluster-plan.ts'
import { freePorts } from './free-ports.ts'

export interface ClusterFolderOptions {
  readonly directory: string
  readonly host: string
  readonly rack: string
  /** null: as many as the folder holds. */
  readonly brokers: number | null
  /** Of the first broker; 0 takes free ones, null what the folder says, `defaultPort` if it is new. */
  readonly port: number | null
  readonly defaultPort: number
  /** Further keys of server.properties for nodes that are new. */
  readonly properties?: ReadonlyMap<string, string>
}

/** Nodes that the folder holds: 0, nothing has been made in it. */
export function nodesIn({ disk }: World, directory: string): number {
  let nodes = 0
  while (disk.exists(`${directory}/node-${nodes + 1}/server.properties`)) nodes++
  return nodes
}

/**
 * The nodes of a local cluster, each with its file and formatted directories: made at the first call, read from then on. Throws (rejects) a MillraceError CLUSTER_SHAPE
 * when the folder holds another cluster than the one that is asked for.
 */
export async function openClusterFolder(world: World, options: ClusterFolderOptions): Promise<ClusterNode[]> {
  const { directory, brokers, port } = options
  const present = nodesIn(world, directory)
  if (present === 0) await makeNodes(world, { ...options, brokers: brokers ?? 1, port: port ?? options.defaultPort })
  else if (brokers !== null && brokers !== present)
    throw new MillraceError('CLUSTER_SHAPE', `${directory} holds a cluster of ${present} nodes, not of ${brokers}`, {
      hint: 'leave --brokers out, or choose another folder with --data',
    })
  const nodes = readFiles(world, directory)
  const first = nodes[0]!.properties.get('advertised.listeners') ?? ''
  if (present > 0 && port !== null && port !== 0 && !first.endsWith(`:${port}`))
    throw new MillraceError('CLUSTER_SHAPE', `${nodes[0]!.file} says ${first}, not port ${port}`, {
      hint: 'leave the port out, change the files of the nodes, or choose another folder with --data',
    })
  return nodes
}

async function makeNodes(
  world: World,
  options: ClusterFolderOptions & { readonly brokers: number; readonly port: number },
): Promise<void> {
  const { brokers, directory, host, port, rack, properties } = options
  const ports = port === 0 ? await freePorts(world, host, brokers) : portsFrom(port, brokers)
  const shape: ClusterShape = { brokers, directory, host, ports, rack, ...(properties ? { properties } : {}) }
  const nodes = planCluster(shape)
  // Of a start that was interrupted.
  const clusterId = nodes.map(node => clusterIdOf(world, node)).find(id => id !== null) ?? newUuid(world)
  // The first node's file is the last to be written: without it the folder counts as new. A directory that is missing later is never formatted: its node may have voted.
  for (const node of nodes.reverse()) {
    formatStorage(world, { properties: node.properties, clusterId, ignoreFormatted: true })
    replaceFile(world.disk, node.file, propertiesText(node))
  }
}

function readFiles(world: World, directory: string): ClusterNode[] {
  return Array.from({ length: nodesIn(world, directory) }, (_, i) => {
    const node = { nodeId: i + 1, directory: `${directory}/node-${i + 1}` }
    const file = `${node.directory}/server.properties`
    return { ...node, file, properties: parseProperties(world.disk.readFile(file).toString('utf8')) }
  })
}

/** The cluster that a node is formatted for; null: it is not. */
export function clusterIdOf({ disk }: World, { properties }: ClusterNode): string | null {
  const file = `${properties.get('log.dirs')?.split(',')[0]?.trim()}/meta.properties`
  return disk.exists(file) ? (parseProperties(disk.readFile(file).toString('utf8')).get('cluster.id') ?? null) : null
}
