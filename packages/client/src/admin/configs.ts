import { DescribeConfigs, ErrorCode, errorOf, IncrementalAlterConfigs } from '@millrace/protocol'
import type { Cluster } from '../cluster.ts'
import { checkController } from './controller-moved.ts'

const resourceTypes = { topic: 2, broker: 4, 'broker-logger': 8, 'client-metrics': 16, group: 32 } as const
const operations = { set: 0, delete: 1, append: 2, subtract: 3 } as const
const sources: Readonly<Record<number, ConfigSource>> = {
  1: 'topic',
  2: 'dynamic-broker',
  3: 'dynamic-default-broker',
  4: 'static-broker',
  5: 'default',
  6: 'dynamic-broker-logger',
  7: 'client-metrics',
  8: 'group',
}

export interface ConfigResource {
  readonly type: keyof typeof resourceTypes
  /** Topic, node id, group; empty for the defaults of all brokers. */
  readonly name: string
}

export type ConfigSource =
  | 'topic'
  | 'dynamic-broker'
  | 'dynamic-default-broker'
  | 'static-broker'
  | 'default'
  | 'dynamic-broker-logger'
  | 'client-metrics'
  | 'group'
  | 'unknown'

export interface ConfigEntry {
  readonly name: string
  /** Null for a sensitive value, which is never told. */
  readonly value: string | null
  readonly source: ConfigSource
  readonly isDefault: boolean
  readonly isReadOnly: boolean
  readonly isSensitive: boolean
  /** The values behind this one, the one in force first; only if asked for. */
  readonly synonyms: readonly { readonly name: string; readonly value: string | null; readonly source: ConfigSource }[]
  readonly documentation: string | null
}

export interface ConfigDescription extends ConfigResource {
  readonly entries: readonly ConfigEntry[]
}

export interface ConfigChange extends ConfigResource {
  readonly changes: readonly {
    readonly name: string
    /** Default `set`; `append` and `subtract` are for lists. */
    readonly operation?: keyof typeof operations
    /** Not for `delete`. */
    readonly value?: string | null
  }[]
}

/** Settings with their sources, in the order asked; only `keys` if given. Rejects with the KafkaError of the first resource that failed. */
export async function describeConfigs(
  cluster: Cluster,
  resources: readonly (ConfigResource & { readonly keys?: readonly string[] | undefined })[],
  options: { includeSynonyms?: boolean; includeDocumentation?: boolean } = {},
): Promise<ConfigDescription[]> {
  const { includeSynonyms = false, includeDocumentation = false } = options
  const described = new Map<string, ConfigDescription>()
  for (const [broker, list] of byBroker(resources)) {
    const body = (version: number) => ({
      resources: list.map(({ type, name, keys }) => ({
        resourceType: resourceTypes[type],
        resourceName: name,
        configurationKeys: keys ?? null,
      })),
      includeSynonyms,
      ...(version >= 3 ? { includeDocumentation } : {}),
    })
    const response = await cluster.retry('DescribeConfigs', () => cluster.requestNode(broker, DescribeConfigs, body))
    for (const { errorCode, errorMessage, resourceType, resourceName, configs } of response.results) {
      const resource = list.find(({ type, name }) => resourceTypes[type] === resourceType && name === resourceName)
      if (!resource) continue
      if (errorCode !== ErrorCode.NONE) throw errorOf(errorCode, withName(resource, errorMessage))
      const entries = configs.map(
        ({ name, value, readOnly, configSource, isSensitive, synonyms, documentation }): ConfigEntry => ({
          name,
          value,
          source: sourceOf(configSource),
          isDefault: configSource === 5,
          isReadOnly: readOnly,
          isSensitive,
          synonyms: synonyms.map(synonym => ({ name: synonym.name, value: synonym.value, source: sourceOf(synonym.source) })),
          documentation,
        }),
      )
      described.set(keyOf(resource), { type: resource.type, name: resource.name, entries })
    }
  }
  return resources.map(resource => {
    const found = described.get(keyOf(resource))
    if (!found) throw errorOf(ErrorCode.UNKNOWN_SERVER_ERROR, withName(resource, 'The broker left it out'))
    return found
  })
}

/** Changes settings one by one, each resource whole or not at all. Rejects with the KafkaError of the first that failed: INVALID_CONFIG, UNKNOWN_TOPIC_OR_PARTITION, … */
export async function incrementalAlterConfigs(
  cluster: Cluster,
  changes: readonly ConfigChange[],
  options: { validateOnly?: boolean } = {},
): Promise<void> {
  for (const [broker, list] of byBroker(changes)) {
    const body = {
      resources: list.map(change => ({
        resourceType: resourceTypes[change.type],
        resourceName: change.name,
        configs: change.changes.map(({ name, operation = 'set', value = null }) => ({
          name,
          configOperation: operations[operation],
          value,
        })),
      })),
      validateOnly: options.validateOnly ?? false,
    }
    const response = await cluster.retry('IncrementalAlterConfigs', async () =>
      checkController(
        'IncrementalAlterConfigs',
        await cluster.requestNode(broker, IncrementalAlterConfigs, body),
        ({ responses }) => responses,
      ),
    )
    for (const { errorCode, errorMessage, resourceType, resourceName } of response.responses) {
      const resource = list.find(({ type, name }) => resourceTypes[type] === resourceType && name === resourceName)
      if (errorCode !== ErrorCode.NONE) throw errorOf(errorCode, resource ? withName(resource, errorMessage) : errorMessage)
    }
  }
}

/** Settings of a broker are that broker's business; the others are anybody's (null). */
function byBroker<T extends ConfigResource>(resources: readonly T[]): Map<number | null, T[]> {
  const groups = new Map<number | null, T[]>()
  for (const resource of resources) {
    const ofBroker = (resource.type === 'broker' || resource.type === 'broker-logger') && resource.name !== ''
    const broker = ofBroker ? Number(resource.name) : null
    const list = groups.get(broker)
    if (list) list.push(resource)
    else groups.set(broker, [resource])
  }
  return groups
}

function sourceOf(code: number): ConfigSource {
  return sources[code] ?? 'unknown'
}

function keyOf({ type, name }: ConfigResource): string {
  return `${type}/${name}`
}

function withName({ type, name }: ConfigResource, message: string | null): string {
  return message === null || message === '' ? `${type} ${name}` : `${message} (${type} ${name})`
}
