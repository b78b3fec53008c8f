import { MillraceError } from '@millrace/runtime'
import { metadataVersion, supportedFeatures } from './features.ts'
import type { MetadataRecord } from './metadata-record.ts'
import { MetadataVersion } from './metadata-version.ts'

/** Names of the levels of metadata.version, from the least on. */
const metadataVersionNames =
  '3.3-IV3 3.4-IV0 3.5-IV0 3.5-IV1 3.5-IV2 3.6-IV0 3.6-IV1 3.6-IV2 3.7-IV0 3.7-IV1 3.7-IV2 3.7-IV3 3.7-IV4 3.8-IV0 3.9-IV0 4.0-IV0 4.0-IV1 4.0-IV2 4.0-IV3 4.1-IV0 4.1-IV1 4.2-IV0 4.2-IV1 4.3-IV0'.split(
    ' ',
  )

/** With which level of metadata.version a new cluster gets which level of another feature. */
const defaults: readonly { readonly feature: string; readonly level: number; readonly since: number }[] = [
  { feature: 'eligible.leader.replicas.version', level: 1, since: 26 },
  { feature: 'group.version', level: 1, since: 22 },
  { feature: 'share.version', level: 1, since: 28 },
  { feature: 'streams.version', level: 1, since: 29 },
  { feature: 'transaction.version', level: 2, since: 24 },
]

/** What a level of a feature needs of metadata.version. */
export const metadataVersionFor: ReadonlyMap<string, number> = new Map([
  ['eligible.leader.replicas.version 1', MetadataVersion.eligibleLeaderReplicas],
])

const metadataFeature = 'metadata.version'
const kraftFeature = 'kraft.version'

export interface InitialLevelsOptions {
  /** A release as `4.1`, `4.1.2` or a level's own name as `4.1-IV0`. Default: the newest that this version knows. */
  readonly releaseVersion?: string
  /** Levels that are others than the release's. */
  readonly features?: ReadonlyMap<string, number>
  /** The voters are kept in the log. */
  readonly isDynamic: boolean
}

/**
 * The levels that a new cluster begins with, as Apache Kafka's `kafka-storage format` chooses them; a feature at level 0 is left out, and so is kraft.version, which
 * raft keeps. Throws a MillraceError UNSUPPORTED_FEATURE for a release, feature or level that this version does not know or that do not go together.
 */
export function initialLevels({ releaseVersion, features = new Map(), isDynamic }: InitialLevelsOptions): Map<string, number> {
  const named = features.get(metadataFeature)
  if (named !== undefined && releaseVersion !== undefined)
    throw unsupported(
      `Use --release-version instead of --feature ${metadataFeature}=X to avoid ambiguity.`,
      'leave one of them out',
    )
  for (const [name, level] of features) checkLevel(name, level)
  checkKraftVersion(features.get(kraftFeature), isDynamic)
  const release = named ?? (releaseVersion === undefined ? metadataVersion : levelOfRelease(releaseVersion))
  const levels = new Map([[metadataFeature, release]])
  for (const { feature, level, since } of defaults) {
    const chosen = features.get(feature) ?? (release >= since ? level : 0)
    const needed = metadataVersionFor.get(`${feature} ${chosen}`) ?? 0
    if (release < needed)
      throw unsupported(
        `${feature} could not be set to ${chosen} because it depends on ${metadataFeature} level ${needed}`,
        'choose a newer --release-version',
      )
    if (chosen > 0) levels.set(feature, chosen)
  }
  return levels
}

/** The records that say so; without levels those of Apache Kafka 4.3.1. */
export function bootstrapRecords(levels: ReadonlyMap<string, number> = initialLevels({ isDynamic: true })): MetadataRecord[] {
  return [...levels].map(([name, featureLevel]) => ({ type: 'FeatureLevelRecord', value: { name, featureLevel } }))
}

/** Reads `name=level` of each; the last one of a name counts. Throws a MillraceError UNSUPPORTED_FEATURE. */
export function parseFeatureLevels(texts: readonly string[]): Map<string, number> {
  return new Map(
    texts.map((text): [string, number] => {
      const [, name, level] = /^([^=]*)=(.*)$/s.exec(text) ?? []
      if (name === undefined || level === undefined)
        throw unsupported(`Can't parse feature=level string ${text}: equals sign not found.`, 'for example: group.version=1')
      if (!/^\s*\d{1,5}\s*$/.test(level))
        throw unsupported(`Can't parse feature=level string ${text}: ${level} is no level.`, 'for example: group.version=1')
      return [name.trim(), Number(level)]
    }),
  )
}

/** Names of features without metadata.version, for which a release stands. */
const otherFeatures = supportedFeatures
  .map(({ name }) => name)
  .filter(name => name !== metadataFeature)
  .sort()

function checkLevel(name: string, level: number): void {
  const range = supportedFeatures.find(feature => feature.name === name)
  if (!range)
    throw unsupported(
      `Unsupported feature: ${name}. Supported features are: ${otherFeatures.join(', ')}`,
      'leave it out, or look at its name',
    )
  const { minSupportedVersion: min, maxSupportedVersion: max } = range
  if (level < min || level > max)
    throw unsupported(`No feature:${name} with feature level ${level}`, `its levels are ${min} to ${max}`)
}

function checkKraftVersion(level: number | undefined, isDynamic: boolean): void {
  if (level === 0 && isDynamic)
    throw unsupported(
      `Cannot set ${kraftFeature} to 0 if controller.quorum.voters is empty and one of the flags --standalone, --initial-controllers, or --no-initial-controllers is used.`,
      `leave out --feature ${kraftFeature}=0`,
    )
  if (level && !isDynamic)
    throw unsupported(
      `Cannot set ${kraftFeature} to ${level} unless controller.quorum.voters is empty and one of the flags --standalone, --initial-controllers, or --no-initial-controllers is used.`,
      `use one of them and leave out controller.quorum.voters, or raise ${kraftFeature} once the nodes run`,
    )
}

function levelOfRelease(text: string): number {
  const release = text.split('.').slice(0, 2).join('.')
  const place = metadataVersionNames.findLastIndex(name => name === release || name.startsWith(`${release}-`))
  if (place < 0)
    throw unsupported(
      `Unknown ${metadataFeature} '${text}'. Supported ${metadataFeature} are: ${metadataVersionNames.join(', ')}`,
      'name one of them, or a release as 4.1',
    )
  return MetadataVersion.minimum + place
}

function unsupported(message: string, hint: string): MillraceError {
  return new MillraceError('UNSUPPORTED_FEATURE', message, { hint })
}
