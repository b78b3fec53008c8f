import {
  type AlterConfigsRequest,
  type AlterConfigsResponse,
  type ElementOf,
  ErrorCode,
  type IncrementalAlterConfigsRequest,
  type IncrementalAlterConfigsResponse,
} from '@millrace/protocol'
import { type ConfigKey, type ConfigValue, formatConfigValue, parseConfigValue } from '@millrace/runtime'
import { ConfigResourceType, topicConfig } from '../config/resolve.ts'
import { type ControllerState, type Decision, orRefusal, Refusal, tooLarge } from './decision.ts'
import type { MetadataRecord } from './metadata-record.ts'
import { keepsEligibleReplicas, MetadataVersion, metadataVersionOf } from './metadata-version.ts'
import { checkTogether, checkValue, settableKey } from './settings.ts'

type Change = ElementOf<ElementOf<IncrementalAlterConfigsRequest['resources']>['configs']>
interface Resource {
  readonly resourceType: number
  readonly resourceName: string
}

const Operation = { SET: 0, DELETE: 1, APPEND: 2, SUBTRACT: 3 } as const
const minInsyncReplicas = 'min.insync.replicas'

/** IncrementalAlterConfigs: each resource's changes are taken all or not at all. */
export function decideIncrementalAlterConfigs(
  state: ControllerState,
  request: IncrementalAlterConfigsRequest,
): Decision<IncrementalAlterConfigsResponse> {
  return decideEach(state, request, ({ resourceType, resourceName, configs }) => {
    const settings = new Map(state.image.dynamicConfig(resourceType, resourceName))
    const names = configs.map(({ name }) => name)
    if (new Set(names).size !== names.length)
      throw new Refusal(ErrorCode.INVALID_REQUEST, 'A setting appears twice among those of one resource.')
    for (const change of configs) alter(state, { resourceType, resourceName }, settings, change)
    return settings
  })
}

/** AlterConfigs: what is not named is deleted. */
export function decideAlterConfigs(state: ControllerState, request: AlterConfigsRequest): Decision<AlterConfigsResponse> {
  return decideEach(state, request, ({ resourceType, configs }) => {
    const settings = new Map<string, string>()
    for (const { name, value } of configs) {
      const key = settableKey(resourceType, name)
      if (value === null) throw new Refusal(ErrorCode.INVALID_REQUEST, `Null value not supported for : ${name}`)
      checkValue(resourceType, key, value)
      settings.set(name, value)
    }
    return settings
  })
}

function decideEach<R extends Resource>(
  state: ControllerState,
  request: { readonly resources: readonly R[]; readonly validateOnly: boolean },
  wanted: (resource: R) => Map<string, string>,
): Decision<AlterConfigsResponse> {
  const records: MetadataRecord[] = []
  const times = new Map<string, number>()
  const idOf = ({ resourceType, resourceName }: Resource) => `${resourceType}:${resourceName}`
  for (const resource of request.resources) times.set(idOf(resource), (times.get(idOf(resource)) ?? 0) + 1)
  const responses = request.resources.map(resource => {
    const { resourceType, resourceName } = resource
    const answer = (errorCode: number, errorMessage: string | null) => ({ errorCode, errorMessage, resourceType, resourceName })
    return orRefusal(
      () => {
        if (times.get(idOf(resource))! > 1)
          throw new Refusal(ErrorCode.INVALID_REQUEST, 'Each resource must appear at most once.')
        checkResource(state, resource)
        const settings = wanted(resource)
        if (resourceType === ConfigResourceType.TOPIC) checkTogether(settings)
        const changes = changeRecords(state, resource, settings)
        const why = changes.length === 0 ? null : tooLarge(records.length === 0 ? changes : [...records, ...changes])
        if (why !== null) throw new Refusal(ErrorCode.POLICY_VIOLATION, why)
        records.push(...changes)
        return answer(ErrorCode.NONE, null)
      },
      refusal => answer(refusal.errorCode, refusal.message),
    )
  })
  return { records: request.validateOnly ? [] : records, response: { throttleTimeMs: 0, responses } }
}

function checkResource({ image, nodeId }: ControllerState, { resourceType, resourceName }: Resource): void {
  const refuse = (why: string, errorCode: number = ErrorCode.INVALID_REQUEST) => new Refusal(errorCode, why)
  switch (resourceType) {
    case ConfigResourceType.TOPIC:
      if (!image.topic(resourceName))
        throw refuse(`The topic '${resourceName}' does not exist.`, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
      return
    case ConfigResourceType.BROKER: {
      if (resourceName === '') return
      if (!/^\d{1,10}$/.test(resourceName)) throw refuse(`Node id must be an integer, but it is: ${resourceName}`)
      const id = Number(resourceName)
      const isController = id === nodeId || [...image.controllers()].some(({ controllerId }) => controllerId === id)
      if (!image.broker(id) && !isController) throw refuse(`No node with id ${id} found.`, ErrorCode.BROKER_ID_NOT_REGISTERED)
      return
    }
    case ConfigResourceType.GROUP:
      if (resourceName === '') throw refuse('Default group resources are not allowed.')
      return
    case ConfigResourceType.CLIENT_METRICS:
      if (resourceName === '') throw refuse("Subscription name can't be empty")
      return
    default:
      throw refuse(`Settings of resource type ${resourceType} cannot be altered here.`)
  }
}

function alter(state: ControllerState, resource: Resource, settings: Map<string, string>, change: Change): void {
  const { name, configOperation, value } = change
  const key = settableKey(resource.resourceType, name)
  if (configOperation === Operation.DELETE) {
    settings.delete(name)
    return
  }
  if (value === null) throw new Refusal(ErrorCode.INVALID_REQUEST, `Null value not supported for : ${name}`)
  const text = configOperation === Operation.SET ? value : listOperation(state, resource, settings, key, configOperation, value)
  checkValue(resource.resourceType, key, text)
  settings.set(name, text)
}

function listOperation(
  state: ControllerState,
  resource: Resource,
  settings: ReadonlyMap<string, string>,
  key: ConfigKey,
  operation: number,
  value: string,
): string {
  if (operation !== Operation.APPEND && operation !== Operation.SUBTRACT)
    throw new Refusal(ErrorCode.INVALID_REQUEST, `Unknown operation ${operation} for the setting ${key.name}`)
  if (key.type !== 'list')
    throw new Refusal(
      ErrorCode.INVALID_CONFIG,
      `Can't ${operation === Operation.APPEND ? 'APPEND' : 'SUBTRACT'} to key ${key.name} because its type is not LIST.`,
    )
  const own = settings.get(key.name)
  const inForce = own === undefined ? inherited(state, resource, key) : parseConfigValue(key, own)
  const present = [...((inForce ?? []) as readonly string[])]
  const given = value.split(',').map(member => member.trim())
  if (operation === Operation.SUBTRACT) return formatConfigValue(present.filter(member => !given.includes(member)))!
  return formatConfigValue([...present, ...given.filter(member => !present.includes(member))])!
}

/** The value of a resource that has none of its own. */
function inherited(state: ControllerState, { resourceType, resourceName }: Resource, key: ConfigKey): ConfigValue | null {
  if (resourceType === ConfigResourceType.TOPIC) return topicConfig(state, resourceName, key)
  if (resourceType !== ConfigResourceType.BROKER) return key.default ?? null
  const ofAll = state.image.dynamicConfig(ConfigResourceType.BROKER, '').get(key.name)
  return ofAll === undefined ? state.config.get(key) : parseConfigValue(key, ofAll)
}

/** Records for what differs. `null` deletes. */
function changeRecords(state: ControllerState, resource: Resource, settings: ReadonlyMap<string, string>): MetadataRecord[] {
  const { resourceType, resourceName } = resource
  const before = state.image.dynamicConfig(resourceType, resourceName)
  const records: MetadataRecord[] = []
  for (const name of new Set([...before.keys(), ...settings.keys()])) {
    const value = settings.get(name) ?? null
    if (value === (before.get(name) ?? null)) continue
    if (name === minInsyncReplicas) records.push(...forgetEligibleReplicas(state, resource, value))
    records.push({ type: 'ConfigRecord', value: { resourceType, resourceName, name, value } })
  }
  return records
}

/** With eligible leader replicas (KIP-966) the cluster keeps one min.insync.replicas; when it changes, who was eligible under the old one is forgotten. */
function forgetEligibleReplicas(state: ControllerState, resource: Resource, value: string | null): MetadataRecord[] {
  if (metadataVersionOf(state.image) < MetadataVersion.eligibleLeaderReplicas) return []
  if (keepsEligibleReplicas(state.image) && resource.resourceType === ConfigResourceType.BROKER) {
    if (resource.resourceName !== '')
      throw new Refusal(ErrorCode.INVALID_CONFIG, 'Broker-level min.insync.replicas cannot be altered while ELR is enabled.')
    if (value === null)
      throw new Refusal(ErrorCode.INVALID_CONFIG, 'Cluster-level min.insync.replicas cannot be removed while ELR is enabled.')
  }
  // Also while the feature is off: those that it left behind must not be eligible when it is on again.
  const topicName = resource.resourceType === ConfigResourceType.TOPIC ? resource.resourceName : ''
  return [{ type: 'ClearElrRecord', value: { topicName } }]
}
