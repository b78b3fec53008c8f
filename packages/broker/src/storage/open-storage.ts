import { type ConfigSet, DiskError, type Lock, MillraceError, type World } from '@millrace/runtime'
import { nodeKeys } from '../config/node-keys.ts'
import { logDirectoriesOf } from './log-directories.ts'
import { type MetaProperties, readMetaProperties } from './meta-properties.ts'

/** The log directories of this node, checked and locked. */
export interface Storage {
  readonly nodeId: number
  readonly clusterId: string
  /** `log.dirs` in order, without a trailing slash. */
  readonly directories: readonly LogDirectory[]
  /** Where `__cluster_metadata-0` lives: `metadata.log.dir`, else the first of `log.dirs`. */
  readonly metadataDirectory: LogDirectory
  /** Releases the locks. */
  close(): void
}

export interface LogDirectory {
  readonly path: string
  /** The `directory.id` of its meta.properties. */
  readonly id: string
}

/**
 * Reads and checks meta.properties of every log directory and locks them (`.lock`).
 * Throws a MillraceError that says what to do: NOT_FORMATTED, CLUSTER_ID_MISMATCH, NODE_ID_MISMATCH, DIRECTORY_ID_TWICE, DATA_LOCKED.
 */
export function openStorage(world: World, config: ConfigSet): Storage {
  const { disk } = world
  const paths = logDirectoriesOf(config)
  const nodeId = config.get(nodeKeys.nodeId)!
  const metas = new Map<string, MetaProperties>()
  for (const path of new Set([...paths.all, paths.metadata])) metas.set(path, readFormatted(world, path))
  checkAgreement(metas, nodeId)
  const locks: Lock[] = []
  try {
    for (const path of metas.keys()) locks.push(disk.lock(`${path}/.lock`))
  } catch (error) {
    for (const lock of locks) lock.release()
    if (!(error instanceof DiskError) || error.code !== 'ELOCKED') throw error
    throw new MillraceError('DATA_LOCKED', `${error.path.replace(/\/\.lock$/, '')} is in use by another process`, {
      hint: 'stop that broker, or name another directory in log.dirs',
    })
  }
  const directory = (path: string): LogDirectory => ({ path, id: metas.get(path)!.directoryId })
  return {
    nodeId,
    clusterId: metas.get(paths.metadata)!.clusterId,
    directories: paths.all.map(directory),
    metadataDirectory: directory(paths.metadata),
    close: () => {
      for (const lock of locks) lock.release()
    },
  }
}

function readFormatted(world: World, path: string): MetaProperties {
  const meta = readMetaProperties(world.disk, path)
  if (meta) return meta
  throw new MillraceError('NOT_FORMATTED', `${path} is not formatted`, {
    hint: 'run: millrace storage format -t CLUSTER_ID -c FILE',
  })
}

function checkAgreement(metas: ReadonlyMap<string, MetaProperties>, nodeId: number): void {
  const [[firstPath, first]] = metas as unknown as [[string, MetaProperties]]
  const pathsById = new Map<string, string>()
  for (const [path, meta] of metas) {
    if (meta.nodeId !== nodeId) {
      throw new MillraceError('NODE_ID_MISMATCH', `${path} belongs to node ${meta.nodeId}, and node.id is ${nodeId}`, {
        hint: `set node.id=${meta.nodeId}, or name the directory of node ${nodeId}`,
      })
    }
    if (meta.clusterId !== first.clusterId) {
      throw new MillraceError(
        'CLUSTER_ID_MISMATCH',
        `${path} belongs to the cluster ${meta.clusterId}, and ${firstPath} to ${first.clusterId}`,
        { hint: 'name directories of one cluster in log.dirs' },
      )
    }
    const other = pathsById.get(meta.directoryId)
    if (other !== undefined) {
      throw new MillraceError('DIRECTORY_ID_TWICE', `${path} and ${other} have the same directory.id`, {
        hint: 'one is a copy of the other: name only one of them',
      })
    }
    pathsById.set(meta.directoryId, path)
  }
}
