import type { ConfigSet, World } from '@millrace/runtime'

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
 * Throws a MillraceError that says what to do: NOT_FORMATTED, CLUSTER_ID_MISMATCH, NODE_ID_MISMATCH, DATA_LOCKED.
 */
export function openStorage(world: World, config: ConfigSet): Storage {
  void world
  void config
  throw new Error('not there yet')
}
