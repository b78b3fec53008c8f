import { ErrorCode } from '@millrace/protocol'
import { ConfigError, type ConfigKey, parseConfigValue } from '@millrace/runtime'
import { brokerKeyOf } from '../config/broker-config.ts'
import { clientMetricsKeys } from '../config/client-metrics-keys.ts'
import { groupConfigKeys } from '../config/group-config-keys.ts'
import { ConfigResourceType } from '../config/resolve.ts'
import { checkSetting } from '../config/setting.ts'
import { topicKeys } from '../config/topic-keys.ts'
import { Refusal } from './decision.ts'

const maxValueLength = 32_767
const byName = (keys: Readonly<Record<string, ConfigKey>>): ReadonlyMap<string, ConfigKey> =>
  new Map(Object.values(keys).map(key => [key.name, key]))

/** The settings of each type of resource. */
const resources: Readonly<Record<number, { readonly word: string; readonly keyOf: (name: string) => ConfigKey | undefined }>> = {
  [ConfigResourceType.TOPIC]: { word: 'topic', keyOf: keyIn(byName(topicKeys)) },
  [ConfigResourceType.BROKER]: { word: 'broker', keyOf: brokerKeyOf },
  [ConfigResourceType.GROUP]: { word: 'group', keyOf: keyIn(byName(groupConfigKeys)) },
  [ConfigResourceType.CLIENT_METRICS]: { word: 'client metrics', keyOf: keyIn(byName(clientMetricsKeys)) },
}

function keyIn(keys: ReadonlyMap<string, ConfigKey>): (name: string) => ConfigKey | undefined {
  return name => keys.get(name)
}

/** The declared key of a resource of this type. Throws a Refusal INVALID_CONFIG for an unknown one, INVALID_REQUEST for a broker key that needs a restart. */
export function settableKey(resourceType: number, name: string): ConfigKey {
  const key = resources[resourceType]?.keyOf(name)
  if (!key) throw new Refusal(ErrorCode.INVALID_CONFIG, `Unknown ${resources[resourceType]?.word ?? ''} config name: ${name}`)
  if (resourceType === ConfigResourceType.BROKER && !key.dynamic)
    throw new Refusal(ErrorCode.INVALID_REQUEST, `Cannot update these configs dynamically: ${name}`)
  return key
}

/** Throws a Refusal that names the range: INVALID_CONFIG, for a broker's setting INVALID_REQUEST. */
export function checkValue(resourceType: number, key: ConfigKey, text: string): void {
  // Kafka's brokers look at their own settings themselves, and name what is wrong otherwise.
  const errorCode = resourceType === ConfigResourceType.BROKER ? ErrorCode.INVALID_REQUEST : ErrorCode.INVALID_CONFIG
  if (text.length > maxValueLength)
    throw new Refusal(
      ErrorCode.INVALID_CONFIG,
      `The value of ${key.name} exceeds the maximum value size of ${maxValueLength} characters.`,
    )
  try {
    checkSetting(key, text)
  } catch (error) {
    if (error instanceof ConfigError) throw new Refusal(errorCode, error.message)
    throw error
  }
}

/** Settings that contradict one another. Throws a Refusal INVALID_CONFIG. */
export function checkTogether(settings: ReadonlyMap<string, string>): void {
  const lagMs = (key: ConfigKey<number>) => {
    const text = settings.get(key.name)
    return text === undefined ? key.default! : (parseConfigValue(key, text) as number)
  }
  if (lagMs(topicKeys.minCompactionLagMs) > lagMs(topicKeys.maxCompactionLagMs))
    throw new Refusal(ErrorCode.INVALID_CONFIG, 'min.compaction.lag.ms must not be greater than max.compaction.lag.ms')
}
