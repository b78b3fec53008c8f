import { MillraceError } from '@millrace/runtime'
import { MetadataVersion } from './metadata-version.ts'

export interface FeatureRange {
  readonly name: string
  readonly minSupportedVersion: number
  readonly maxSupportedVersion: number
}

/** Level of metadata.version that this version writes: Kafka's 4.3-IV0. */
export const metadataVersion = 30

/** The features that a broker of Apache Kafka 4.3 supports: what it registers with and answers ApiVersions with. */
export const supportedFeatures: readonly FeatureRange[] = [
  { name: 'metadata.version', minSupportedVersion: 7, maxSupportedVersion: metadataVersion },
  { name: 'kraft.version', minSupportedVersion: 0, maxSupportedVersion: 1 },
  { name: 'transaction.version', minSupportedVersion: 0, maxSupportedVersion: 2 },
  { name: 'group.version', minSupportedVersion: 0, maxSupportedVersion: 1 },
  { name: 'eligible.leader.replicas.version', minSupportedVersion: 0, maxSupportedVersion: 1 },
  { name: 'share.version', minSupportedVersion: 0, maxSupportedVersion: 1 },
  { name: 'streams.version', minSupportedVersion: 0, maxSupportedVersion: 1 },
]

/** Throws a MillraceError UNSUPPORTED_FEATURE when the cluster's levels are not those that this version reads and writes. */
export function checkFeatures(levels: ReadonlyMap<string, number>): void {
  const level = levels.get('metadata.version') ?? 0
  if (level < MetadataVersion.minimum) {
    throw new MillraceError(
      'UNSUPPORTED_FEATURE',
      `The cluster's metadata.version is ${level}, and this version needs ${MetadataVersion.minimum} (3.3-IV3) at least`,
      { hint: 'upgrade it with Apache Kafka 3.9 first' },
    )
  }
  for (const [name, finalized] of levels) {
    const supported = supportedFeatures.find(feature => feature.name === name)
    if (!supported || finalized > supported.maxSupportedVersion) {
      throw new MillraceError('UNSUPPORTED_FEATURE', `The cluster's ${name} is ${finalized}, which this version does not know`, {
        hint: 'start a newer version of Millrace on this directory',
      })
    }
  }
}
