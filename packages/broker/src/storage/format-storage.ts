import type { World } from '@millrace/runtime'

export interface FormatOptions {
  /** As read from server.properties. */
  readonly properties: ReadonlyMap<string, string>
  readonly clusterId: string
  /** This node becomes the only voter of a dynamic quorum. */
  readonly standalone?: boolean
  /** Directories that are formatted already are left as they are instead of an error. */
  readonly ignoreFormatted?: boolean
}

/** Formats the log directories as Apache Kafka's StorageTool does. Returns those that were formatted. */
export function formatStorage(world: World, options: FormatOptions): string[] {
  void world
  void options
  throw new Error('not there yet')
}
