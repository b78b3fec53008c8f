import { type Api, type ApiVersionsResponse, ErrorCode, KafkaError } from '@millrace/protocol'

export interface VersionRange {
  readonly min: number
  readonly max: number
}

/** What a broker says that it speaks, by API key. */
export function versionTable(response: ApiVersionsResponse): ReadonlyMap<number, VersionRange> {
  return new Map(response.apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, { min: minVersion, max: maxVersion }]))
}

/** The highest version that both sides know. Throws KafkaError UNSUPPORTED_VERSION that names both ranges. */
export function commonVersion(api: Api<any, any>, theirs: VersionRange | undefined, maxVersion: number, broker: string): number {
  const ours = api.versions ?? { min: 0, max: -1 }
  const version = Math.min(ours.max, theirs?.max ?? -1, maxVersion)
  if (theirs === undefined || version < Math.max(ours.min, theirs.min)) {
    const known = theirs === undefined ? 'does not know it' : `knows versions ${theirs.min} to ${theirs.max}`
    const message = `${api.name} can't be sent in versions ${ours.min} to ${Math.min(ours.max, maxVersion)}: ${broker} ${known}`
    throw new KafkaError(ErrorCode.UNSUPPORTED_VERSION, message)
  }
  return version
}
