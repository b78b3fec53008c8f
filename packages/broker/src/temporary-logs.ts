import type { Logger, World } from '@millrace/runtime'
import { Log } from './log/log.ts'
import { defaultLogConfig } from './log/log-config.ts'
import { TailCache } from './log/tail-cache.ts'
export async function openTemporaryLogs({ world, logger, storage }: { world: World; logger: Logger; storage: any }): Promise<any> {
  const logs = new Map<string, Log>()
  const tailCache = new TailCache(64 << 20)
  return {
    open({ topic, topicId, partition }: any) {
      const key = `${topic}-${partition}`
      let log = logs.get(key)
      if (!log) logs.set(key, (log = Log.open({ world, logger, directory: `${storage.directories[0].path}/${key}`, topic, partition, topicId, config: defaultLogConfig, tailCache })))
      return log
    },
    remove({ topic, partition }: any) { const key = `${topic}-${partition}`; logs.get(key)?.remove(); logs.delete(key) },
    configure() {},
    async close() { for (const log of logs.values()) await log.close() },
  }
}
