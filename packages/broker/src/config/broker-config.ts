import { type ConfigKey, ConfigSet, type Logger } from '@millrace/runtime'
import { groupKeys } from './group-keys.ts'
import { httpKeys } from './http-keys.ts'
import { readHttpListener } from './http-listener.ts'
import { listenerKeys } from './listener-keys.ts'
import { readListeners } from './listeners.ts'
import { logKeys } from './log-keys.ts'
import { nodeKeys } from './node-keys.ts'
import { readQuorum } from './quorum.ts'
import { quorumKeys } from './quorum-keys.ts'
import { replicationKeys } from './replication-keys.ts'
import { checkSetting } from './setting.ts'
import { keptWithoutEffectYet, withoutEffectYet } from './without-effect.ts'

/** All keys of server.properties that are declared, by their names in code: `config.get(brokerKeys.numPartitions)`. */
export const brokerKeys = {
  ...nodeKeys,
  ...quorumKeys,
  ...listenerKeys,
  ...logKeys,
  ...replicationKeys,
  ...groupKeys,
  ...httpKeys,
}

const declared: readonly ConfigKey[] = Object.values(brokerKeys)
const byName: ReadonlyMap<string, ConfigKey> = new Map(declared.map(key => [key.name, key]))

export function brokerKeyOf(name: string): ConfigKey | undefined {
  return byName.get(name)
}

/**
 * Parses server.properties. Throws a ConfigError for a bad value and for values that do not fit together.
 * One warning for each unknown key, and for each known key that has no effect yet.
 */
export function readBrokerConfig(properties: ReadonlyMap<string, string>, logger: Logger): ConfigSet {
  const config = new ConfigSet(declared, properties)
  for (const name of properties.keys()) {
    if (withoutEffectYet.has(name) || keptWithoutEffectYet.has(name)) logger.warn('config.without-effect-yet', { key: name })
    else if (!byName.has(name)) logger.warn('config.unknown', { key: name })
  }
  checkSetting(logKeys.compressionGzipLevel, properties.get(logKeys.compressionGzipLevel.name))
  readListeners(config)
  readQuorum(config)
  readHttpListener(config)
  return config
}
