import { silentLogger, type World } from '@millrace/runtime'
import { Log } from '../../log/log.ts'
import { defaultLogConfig, type LogConfig } from '../../log/log-config.ts'
import { metadataTopic } from '../metadata-topic.ts'

/** For tests: opens the metadata log as a node does. */
export function metadataLogIn(world: World, directory: string, config: Partial<LogConfig> = {}): (recoveryPoint: number) => Log {
  return recoveryPoint =>
    Log.open({
      world,
      logger: silentLogger,
      directory,
      topic: metadataTopic,
      partition: 0,
      recoveryPoint,
      isBackedBySnapshot: true,
      config: { ...defaultLogConfig, ...config },
    })
}
