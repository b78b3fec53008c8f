import { type ConfigKey, type ConfigSet, type ConfigValue, formatConfigValue, parseConfigValue } from '@millrace/runtime'
import type { MetadataView } from '../services.ts'
import { brokerKeyOf } from './broker-config.ts'

/** Where a value comes from, as DescribeConfigs numbers it. */
export const ConfigSource = {
  TOPIC: 1,
  DYNAMIC_BROKER: 2,
  DYNAMIC_DEFAULT_BROKER: 3,
  STATIC_BROKER: 4,
  DEFAULT: 5,
  DYNAMIC_BROKER_LOGGER: 6,
  CLIENT_METRICS: 7,
  GROUP: 8,
} as const

/** Resource types of DescribeConfigs, IncrementalAlterConfigs and ConfigRecord. */
export const ConfigResourceType = { TOPIC: 2, BROKER: 4, BROKER_LOGGER: 8, CLIENT_METRICS: 16, GROUP: 32 } as const

export interface ConfigSynonym {
  readonly name: string
  readonly value: ConfigValue | null
  readonly source: number
}

/** What is needed to find the value in force: the file, what was altered since, and who asks. */
export interface ConfigContext {
  readonly config: ConfigSet
  readonly metadata: Pick<MetadataView, 'dynamicConfig'>
  readonly nodeId: number
}

/** The setting of a topic that is in force now: the topic's own, else the broker's (altered, altered for all, from the file), else the default. */
export function topicConfig<T extends ConfigValue>(context: ConfigContext, topic: string, key: ConfigKey<T>): T {
  const own = context.metadata.dynamicConfig(ConfigResourceType.TOPIC, topic).get(key.name)
  if (own !== undefined) return parseConfigValue(key, own) as T
  const brokerKey = brokerKeyOf(key.fallbacks?.[0]?.name ?? '')
  return ((brokerKey ? brokerConfig(context, brokerKey) : null) ?? key.default) as T
}

/** The setting of this broker that is in force now. Keys that are not `dynamic` may as well be read from the ConfigSet. */
export function brokerConfig<T extends ConfigValue>(context: ConfigContext, key: ConfigKey<T>): T | null {
  const altered =
    context.metadata.dynamicConfig(ConfigResourceType.BROKER, String(context.nodeId)).get(key.name) ??
    context.metadata.dynamicConfig(ConfigResourceType.BROKER, '').get(key.name)
  return altered === undefined ? context.config.get(key) : (parseConfigValue(key, altered) as T)
}

/** All places that give a broker key a value, the one in force first. */
export function brokerSynonyms(context: ConfigContext, key: ConfigKey): ConfigSynonym[] {
  const keys = [key, ...fallbacksOf(key)]
  const own = context.metadata.dynamicConfig(ConfigResourceType.BROKER, String(context.nodeId))
  const all = context.metadata.dynamicConfig(ConfigResourceType.BROKER, '')
  const synonyms: ConfigSynonym[] = []
  for (const { name } of keys)
    if (own.has(name)) synonyms.push({ name, value: own.get(name)!, source: ConfigSource.DYNAMIC_BROKER })
  for (const { name } of keys)
    if (all.has(name)) synonyms.push({ name, value: all.get(name)!, source: ConfigSource.DYNAMIC_DEFAULT_BROKER })
  for (const { name } of keys) {
    const value = context.config.given(name)
    if (value !== undefined) synonyms.push({ name, value, source: ConfigSource.STATIC_BROKER })
  }
  const { name, default: value } = key
  if (value !== null && value !== undefined) synonyms.push({ name, value, source: ConfigSource.DEFAULT })
  return synonyms
}

/** The same for a topic's key. */
export function topicSynonyms(context: ConfigContext, topic: string, key: ConfigKey): ConfigSynonym[] {
  const own = context.metadata.dynamicConfig(ConfigResourceType.TOPIC, topic).get(key.name)
  const brokerKey = brokerKeyOf(key.fallbacks?.[0]?.name ?? '')
  const inherited = brokerKey ? brokerSynonyms(context, brokerKey) : []
  return own === undefined ? inherited : [{ name: key.name, value: own, source: ConfigSource.TOPIC }, ...inherited]
}

/** `null` where the value must not be shown. */
export function shownValue(key: ConfigKey, value: ConfigValue | null): string | null {
  return key.type === 'password' ? null : formatConfigValue(value)
}

function fallbacksOf(key: ConfigKey): ConfigKey[] {
  return (key.fallbacks ?? []).flatMap(fallback => brokerKeyOf(fallback.name) ?? [])
}
