import type { Api } from './api.ts'
import { ErrorCode } from './errors/error-code.ts'
import { errorOf, KafkaError } from './errors/kafka-error.ts'
import { ApiVersions, type ApiVersionsRequest, type ApiVersionsResponse } from './messages/api-versions.ts'
import type { Draft, VersionRange } from './schema.ts'

/** What a node says that it speaks, by API key. */
export type SpokenVersions = ReadonlyMap<number, VersionRange>

const software = { clientSoftwareName: 'millrace', clientSoftwareVersion: '0.1.0' }
const softwareSince = 3
const maxCorrelationId = 2 ** 31 - 1

/**
 * Asks a node what it speaks, in the newest form of ApiVersions; one that does not know it answers UNSUPPORTED_VERSION in the form of version 0, with the
 * versions that it does know (KIP-511). Throws a KafkaError for another refusal, and what `ask` throws.
 */
export async function askVersions(
  ask: (version: number, body: Draft<ApiVersionsRequest>) => Promise<ApiVersionsResponse>,
): Promise<SpokenVersions> {
  const askIn = (version: number) => ask(version, version >= softwareSince ? software : {})
  const newest = ApiVersions.versions!.max
  let response = await askIn(newest)
  if (response.errorCode === ErrorCode.UNSUPPORTED_VERSION) {
    const theirs = response.apiKeys.find(({ apiKey }) => apiKey === ApiVersions.key)
    response = await askIn(Math.max(0, Math.min(newest - 1, theirs?.maxVersion ?? 0)))
  }
  if (response.errorCode !== ErrorCode.NONE) throw errorOf(response.errorCode)
  return new Map(response.apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, { min: minVersion, max: maxVersion }]))
}

/** The highest version that both sides know. Throws KafkaError UNSUPPORTED_VERSION that names both ranges and `node`. */
export function commonVersion(api: Api<any, any>, theirs: VersionRange | undefined, maxVersion: number, node: string): number {
  const ours = api.versions ?? { min: 0, max: -1 }
  const version = Math.min(ours.max, theirs?.max ?? -1, maxVersion)
  if (theirs === undefined || version < Math.max(ours.min, theirs.min)) {
    const known = theirs === undefined ? 'does not know it' : `knows versions ${theirs.min} to ${theirs.max}`
    const message = `${api.name} can't be sent in versions ${ours.min} to ${Math.min(ours.max, maxVersion)}: ${node} ${known}`
    throw new KafkaError(ErrorCode.UNSUPPORTED_VERSION, message)
  }
  return version
}

/** Correlation ids are not negative and start again behind 2^31 - 1. */
export function nextCorrelationId(correlationId: number): number {
  return correlationId === maxCorrelationId ? 0 : correlationId + 1
}
