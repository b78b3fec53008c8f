import {
  DescribeConfigs,
  type DescribeConfigsRequest,
  type DescribeConfigsResponse,
  type Draft,
  type ElementOf,
  ErrorCode,
} from '@millrace/protocol'
import type { ConfigKey, ConfigType, ConfigValue } from '@millrace/runtime'
import { brokerKeys } from '../config/broker-config.ts'
import { clientMetricsKeys } from '../config/client-metrics-keys.ts'
import { groupConfigKeys } from '../config/group-config-keys.ts'
import {
  brokerConfig,
  brokerSynonyms,
  type ConfigContext,
  ConfigResourceType,
  ConfigSource,
  type ConfigSynonym,
  shownValue,
  topicConfig,
  topicSynonyms,
} from '../config/resolve.ts'
import { topicKeys } from '../config/topic-keys.ts'
import { orRefusal, Refusal } from '../controller/decision.ts'
import { checkTopicName } from '../controller/topic-name.ts'
import type { LoggerLevels } from '../logger-levels.ts'
import type { MetadataView } from '../services.ts'
import type { ApiHandler } from './handler.ts'
import { checkLoggersNode } from './logger-changes.ts'

type Resource = ElementOf<DescribeConfigsRequest['resources']>
type Result = Draft<ElementOf<DescribeConfigsResponse['results']>>
type Entry = Draft<ElementOf<ElementOf<DescribeConfigsResponse['results']>['configs']>>
/** What a broker and a controller both have. */
type Services = ConfigContext & { readonly metadata: MetadataView; readonly loggers: LoggerLevels }
interface Including {
  readonly includeSynonyms: boolean
  readonly includeDocumentation: boolean
}

/** Each has dozens of settings in the answer. */
const maxResources = 10_000

const typeNumbers: Readonly<Record<ConfigType, number>> = {
  boolean: 1,
  string: 2,
  int: 3,
  short: 4,
  long: 5,
  double: 6,
  list: 7,
  class: 8,
  password: 9,
}

/** DescribeConfigs: every setting of a topic, of this broker, of all brokers or of a group, with where its value comes from; the level of each of this node's loggers. */
export function describeConfigsHandler(): ApiHandler<DescribeConfigsRequest, Draft<DescribeConfigsResponse>, Services> {
  return {
    api: DescribeConfigs,
    versions: { min: 1, max: 4 },
    handle(request, _, services) {
      const { resources } = request
      if (resources.length <= maxResources) return { results: resources.map(resource => describe(services, resource, request)) }
      const refused = {
        errorCode: ErrorCode.INVALID_REQUEST,
        errorMessage: `At most ${maxResources} resources are described at once.`,
      }
      return { results: resources.map(({ resourceType, resourceName }) => ({ ...refused, resourceType, resourceName })) }
    },
  }
}

function describe(services: Services, resource: Resource, including: Including): Result {
  const { resourceType, resourceName, configurationKeys } = resource
  return orRefusal<Result>(
    () => {
      const entries = entriesOf(services, resource, including)
      const configs = configurationKeys ? entries.filter(({ name }) => configurationKeys.includes(name!)) : entries
      return { errorCode: ErrorCode.NONE, errorMessage: '', resourceType, resourceName, configs }
    },
    ({ errorCode, message: errorMessage }) => ({ errorCode, errorMessage, resourceType, resourceName }),
  )
}

function entriesOf(services: Services, { resourceType, resourceName: name }: Resource, including: Including): Entry[] {
  const { metadata, nodeId } = services
  switch (resourceType) {
    case ConfigResourceType.TOPIC:
      checkTopicName(name)
      if (!metadata.topic(name))
        throw new Refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, 'This server does not host this topic-partition.')
      return Object.values(topicKeys).map(key => topicEntry(services, name, key, including))
    case ConfigResourceType.BROKER:
      if (name === '') return forAllBrokers(services, including)
      if (!/^\d+$/.test(name)) throw new Refusal(ErrorCode.INVALID_REQUEST, `Broker id must be an integer, but it is: ${name}`)
      if (Number(name) !== nodeId)
        throw new Refusal(
          ErrorCode.INVALID_REQUEST,
          `Unexpected broker id, expected ${nodeId} or empty string, but received ${name}`,
        )
      return Object.values(brokerKeys).map(key => brokerEntry(services, key, including))
    case ConfigResourceType.BROKER_LOGGER:
      checkLoggersNode(name, nodeId)
      return services.loggers.all().map(loggerEntry)
    case ConfigResourceType.GROUP:
      if (name === '') throw new Refusal(ErrorCode.INVALID_REQUEST, 'Group name must not be empty')
      return Object.values(groupConfigKeys).map(key => resourceEntry(services, resourceType, name, key, including))
    case ConfigResourceType.CLIENT_METRICS:
      if (name === '') throw new Refusal(ErrorCode.INVALID_REQUEST, 'Client metrics subscription name must not be empty')
      return Object.values(clientMetricsKeys).map(key => resourceEntry(services, resourceType, name, key, including))
    default:
      throw new Refusal(ErrorCode.INVALID_REQUEST, `Unsupported resource type: ${resourceType}`)
  }
}

function loggerEntry({ name, level: value }: { readonly name: string; readonly level: string }): Entry {
  return { name, value, readOnly: false, configSource: ConfigSource.DYNAMIC_BROKER_LOGGER, isSensitive: false }
}

function topicEntry(context: ConfigContext, topic: string, key: ConfigKey, including: Including): Entry {
  return entry(key, topicConfig(context, topic, key), topicSynonyms(context, topic, key), false, including)
}

function brokerEntry(context: ConfigContext, key: ConfigKey, including: Including): Entry {
  return entry(key, brokerConfig(context, key), brokerSynonyms(context, key), key.dynamic !== true, including)
}

/** A setting that has the resource's own value or its default. */
function resourceEntry({ metadata }: Services, resourceType: number, name: string, key: ConfigKey, including: Including): Entry {
  const own = metadata.dynamicConfig(resourceType, name).get(key.name)
  const source = resourceType === ConfigResourceType.GROUP ? ConfigSource.GROUP : ConfigSource.CLIENT_METRICS
  const initial = { name: key.name, value: key.default!, source: ConfigSource.DEFAULT }
  const synonyms = own === undefined ? [initial] : [{ name: key.name, value: own, source }, initial]
  return entry(key, own ?? key.default!, synonyms, false, including)
}

/** What was set for all brokers at once; nothing else. */
function forAllBrokers(services: Services, including: Including): Entry[] {
  const settings = services.metadata.dynamicConfig(ConfigResourceType.BROKER, '')
  return Object.values(brokerKeys)
    .filter(key => settings.has(key.name))
    .map(key => {
      const synonyms = brokerSynonyms(services, key).filter(({ source }) => source === ConfigSource.DYNAMIC_DEFAULT_BROKER)
      return entry(key, settings.get(key.name)!, synonyms, false, including)
    })
}

function entry(
  key: ConfigKey,
  value: ConfigValue | null,
  synonyms: readonly ConfigSynonym[],
  readOnly: boolean,
  { includeSynonyms, includeDocumentation }: Including,
): Entry {
  return {
    name: key.name,
    value: shownValue(key, value),
    readOnly,
    configSource: synonyms[0]?.source ?? ConfigSource.DEFAULT,
    isSensitive: key.type === 'password',
    synonyms: includeSynonyms ? synonyms.map(({ name, value, source }) => ({ name, value: shownValue(key, value), source })) : [],
    configType: typeNumbers[key.type],
    documentation: includeDocumentation ? key.doc : null,
  }
}
