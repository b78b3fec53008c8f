import { ConfigError, type ConfigKey, parseConfigValue } from '@millrace/runtime'

const throttledReplicas = new Set(['leader.replication.throttled.replicas', 'follower.replication.throttled.replicas'])

/** Parses the text, and checks what a range cannot say. Throws a ConfigError; `undefined` is no text to check. */
export function checkSetting(key: ConfigKey, text: string | undefined): void {
  if (text === undefined) return
  const value = parseConfigValue(key, text)
  const refuse = (range: string) => new ConfigError(`Invalid value ${text} for configuration ${key.name}: must be ${range}`)
  if (key.name === 'compression.gzip.level' && value === 0) throw refuse('1 to 9, or -1')
  if (key.name === 'remote.storage.enable' && value === true) throw refuse('false: this broker has no tiered storage')
  if (throttledReplicas.has(key.name) && !/^(\*|\d+:\d+(,\d+:\d+)*)?$/.test((value as readonly string[]).join(',')))
    throw refuse('* or a list of partition:broker')
}
