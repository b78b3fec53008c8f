import { ErrorCode, type UpdateFeaturesRequest, type UpdateFeaturesResponse } from '@millrace/protocol'
import { type ControllerState, type Decision, orRefusal, Refusal } from './decision.ts'
import { type FeatureRange, supportedFeatures } from './features.ts'
import { metadataVersionFor } from './initial-levels.ts'
import type { MetadataRecord } from './metadata-record.ts'
import { metadataVersionOf } from './metadata-version.ts'
import { minInsyncReplicasOfCluster } from './min-insync-replicas.ts'

const UpgradeType = { UPGRADE: 1, SAFE_DOWNGRADE: 2, UNSAFE_DOWNGRADE: 3 } as const
const metadataFeature = 'metadata.version'
const kraftFeature = 'kraft.version'
const eligibleReplicasFeature = 'eligible.leader.replicas.version'

/** Levels of metadata.version that brought something into the log which older ones do not know: there is no way back below them. */
const changesMetadata = [8, 11, 13, 14, 15, 17, 23, 30]
interface Update {
  readonly feature: string
  readonly level: number
  readonly upgradeType: number
}

/** UpdateFeatures (KIP-584, 778): all levels are changed or none. */
export function decideUpdateFeatures(
  state: ControllerState,
  request: UpdateFeaturesRequest,
  version: number,
): Decision<UpdateFeaturesResponse> {
  const updates = request.featureUpdates.map(({ feature, maxVersionLevel, allowDowngrade, upgradeType }) => ({
    feature,
    level: maxVersionLevel,
    upgradeType: version >= 1 ? upgradeType : allowDowngrade ? UpgradeType.SAFE_DOWNGRADE : UpgradeType.UPGRADE,
  }))
  return orRefusal<Decision<UpdateFeaturesResponse>>(
    () => {
      const records = updates.flatMap(update => change(state, update, updates))
      const results = updates.map(({ feature }) => ({ feature, errorCode: ErrorCode.NONE, errorMessage: null }))
      const response = { throttleTimeMs: 0, errorCode: ErrorCode.NONE, errorMessage: null, results }
      if (request.validateOnly) return { records: [], response }
      const facts = Object.fromEntries(updates.map(({ feature, level }) => [feature, level]))
      const kraftVersion = updates.find(({ feature }) => feature === kraftFeature)?.level ?? state.kraftVersion()
      return {
        records,
        response,
        ...(kraftVersion === state.kraftVersion() ? {} : { kraftVersion }),
        notice: { level: 'info', event: 'controller.features-changed', facts },
      }
    },
    ({ errorCode, message }) => ({
      records: [],
      response: { throttleTimeMs: 0, errorCode, errorMessage: message, results: [] },
    }),
  )
}

function change(state: ControllerState, update: Update, all: readonly Update[]): MetadataRecord[] {
  const { feature, level, upgradeType } = update
  const refuse = (why: string) =>
    new Refusal(ErrorCode.INVALID_UPDATE_VERSION, `Invalid update version ${level} for feature ${feature}. ${why}`)
  if (all.some(other => other !== update && other.feature === feature)) throw refuse('The feature appears twice in the request.')
  if (!Object.values<number>(UpgradeType).includes(upgradeType))
    throw refuse('The controller does not support the given upgrade type.')
  if (level < 0) throw refuse('A feature version cannot be less than 0.')
  const present = presentLevel(state, feature)
  const why = whyUnsupported(state, feature, level)
  if (why !== null) throw refuse(why)
  if (level < present && upgradeType === UpgradeType.UPGRADE)
    throw refuse(
      "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade.",
    )
  if (level > present && upgradeType !== UpgradeType.UPGRADE) throw refuse("Can't downgrade to a newer version.")
  if (feature === kraftFeature) {
    if (level < present) throw refuse("Can't downgrade the version of this feature.")
    const reason = state.whyNoKraftVersion(level)
    if (reason !== null) throw new Refusal(ErrorCode.INVALID_UPDATE_VERSION, reason)
    return []
  }
  if (feature === metadataFeature) checkMetadataVersion(present, level, upgradeType)
  const needed = metadataVersionFor.get(`${feature} ${level}`) ?? 0
  const metadataLevel = all.find(other => other.feature === metadataFeature)?.level ?? metadataVersionOf(state.image)
  if (metadataLevel < needed) throw refuse(`It needs ${metadataFeature} ${needed}, and that is ${metadataLevel}.`)
  const record: MetadataRecord = { type: 'FeatureLevelRecord', value: { name: feature, featureLevel: level } }
  if (feature !== eligibleReplicasFeature || level === 0 || present > 0) return [record]
  return [...minInsyncReplicasOfCluster(state), record]
}

function presentLevel({ image, kraftVersion }: ControllerState, feature: string): number {
  if (feature === kraftFeature) return kraftVersion()
  return feature === metadataFeature ? metadataVersionOf(image) : (image.features().get(feature) ?? 0)
}

function checkMetadataVersion(present: number, level: number, upgradeType: number): void {
  if (level >= present || !changesMetadata.some(since => level < since && since <= present)) return
  throw new Refusal(
    ErrorCode.INVALID_UPDATE_VERSION,
    upgradeType === UpgradeType.UNSAFE_DOWNGRADE
      ? `Invalid metadata.version ${level}. Unsafe metadata downgrade is not supported in this version.`
      : `Invalid metadata.version ${level}. Refusing to perform the requested downgrade because it might delete metadata information.`,
  )
}

/** The first node that does not know the level; null when all do. */
function whyUnsupported({ image, nodeId }: ControllerState, feature: string, level: number): string | null {
  const nodes: { readonly who: string; readonly features: readonly FeatureRange[] }[] = [
    { who: `Local controller ${nodeId}`, features: supportedFeatures },
    ...[...image.brokers()].map(({ id, registration }) => ({ who: `Broker ${id}`, features: registration.features })),
    ...[...image.controllers()]
      .filter(({ controllerId }) => controllerId !== nodeId)
      .map(({ controllerId, features }) => ({ who: `Controller ${controllerId}`, features })),
  ]
  for (const { who, features } of nodes) {
    const range = features.find(each => each.name === feature)
    if (!range && level > 0) return `${who} does not support this feature.`
    const { minSupportedVersion: min, maxSupportedVersion: max } = range ?? { minSupportedVersion: 0, maxSupportedVersion: 0 }
    if ((level < min && (level > 0 || feature === metadataFeature)) || level > max)
      return `${who} only supports versions ${min}-${max}`
  }
  return null
}
