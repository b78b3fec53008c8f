import type { World } from '@millrace/runtime'
import type { StreamsOptions } from '../config.ts'
import type { StateDirectory } from '../store/environment.ts'
import { LmdbStateDirectory } from '../store/lmdb.ts'
import { MemoryStateDirectory } from '../store/memory.ts'

export const defaultStateDirectory = 'millrace-state'

export function openStateDirectory(options: StreamsOptions, world: World): StateDirectory {
  if (options.stores === 'memory') return new MemoryStateDirectory()
  return new LmdbStateDirectory(world.disk, options.stateDirectory ?? defaultStateDirectory, options.applicationId)
}
