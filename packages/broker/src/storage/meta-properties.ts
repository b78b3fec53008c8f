import { type Disk, formatProperties, MillraceError, parseProperties, replaceFile } from '@millrace/runtime'

const fileName = 'meta.properties'

/** What a formatted log directory says about itself. */
export interface MetaProperties {
  readonly clusterId: string
  readonly nodeId: number
  /** Unique to this directory. */
  readonly directoryId: string
}

/** `null`: the directory is not formatted. Throws a MillraceError CORRUPT_META_PROPERTIES. */
export function readMetaProperties(disk: Disk, directory: string): MetaProperties | null {
  const path = `${directory}/${fileName}`
  if (!disk.exists(path)) return null
  const properties = parseProperties(disk.readFile(path).toString('utf8'))
  const clusterId = properties.get('cluster.id')
  const nodeId = properties.get('node.id')
  const directoryId = properties.get('directory.id')
  const version = properties.get('version')
  if (version !== '1' || !clusterId || !directoryId || nodeId === undefined || !/^\d+$/.test(nodeId)) {
    throw new MillraceError('CORRUPT_META_PROPERTIES', `${path} does not say version=1, cluster.id, node.id and directory.id`, {
      hint: 'restore the file, or format an empty directory',
    })
  }
  return { clusterId, nodeId: Number(nodeId), directoryId }
}

/** The last step of formatting: with this file a directory counts as formatted. */
export function writeMetaProperties(disk: Disk, directory: string, meta: MetaProperties): void {
  const properties = new Map([
    ['version', '1'],
    ['cluster.id', meta.clusterId],
    ['node.id', String(meta.nodeId)],
    ['directory.id', meta.directoryId],
  ])
  replaceFile(disk, `${directory}/${fileName}`, formatProperties(properties))
}
