import { ConfigError, type ConfigSet } from '@millrace/runtime'
import { nodeKeys } from '../config/node-keys.ts'

/** The directory of the only partition of the metadata log, under its log directory. */
export const metadataPartitionDirectory = '__cluster_metadata-0'

/** `log.dirs` in order and the directory of the metadata log, without trailing slashes. Throws a ConfigError for a directory named twice. */
export function logDirectoriesOf(config: ConfigSet): { readonly all: readonly string[]; readonly metadata: string } {
  const all = config.get(nodeKeys.logDirs)!.map(withoutTrailingSlash)
  if (all.length === 0) throw new ConfigError('log.dirs is empty', 'name at least one directory')
  const twice = all.find((path, index) => all.indexOf(path) !== index)
  if (twice !== undefined) throw new ConfigError(`log.dirs names ${twice} twice`)
  const metadata = config.get(nodeKeys.metadataLogDir)
  return { all, metadata: metadata === null ? all[0]! : withoutTrailingSlash(metadata) }
}

function withoutTrailingSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, '') : path
}
