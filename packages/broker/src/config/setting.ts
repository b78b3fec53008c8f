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
  if (key.name === 'share.auto.offset.reset' && !/^(latest|earliest|by_duration:P.+)$/.test(text))
    throw refuse('latest, earliest or by_duration:PnDTnHnMn.nS')
  if (key.scope === 'client-metrics' && key.name === 'match') checkSelectors(value as readonly string[], refuse)
}

const selectors = new Set([
  'client_id',
  'client_instance_id',
  'client_software_name',
  'client_software_version',
  'client_source_address',
  'client_source_port',
])

function checkSelectors(matches: readonly string[], refuse: (range: string) => ConfigError): void {
  for (const match of matches) {
    const separator = match.indexOf('=')
    if (!selectors.has(match.slice(0, Math.max(0, separator)).trim()))
      throw refuse(`selector=regular expression, the selector one of ${[...selectors].join(', ')}`)
    try {
      new RegExp(match.slice(separator + 1))
    } catch {
      throw refuse('selector=regular expression, and it is none')
    }
  }
}
