/**
 * ApiVersions (key 18): which versions of which APIs the other side speaks. The response always has header version 0; an unknown
 * version is answered in version 0 with UNSUPPORTED_VERSION and the range of this API (KIP-511).
 */
import { api } from '../api.ts'
import { array, bool, int16, int32, int64, message, string, type ValueOf } from '../schema.ts'

export const ApiVersionsRequest = message(
  'ApiVersionsRequest',
  { versions: '0-5', flexible: 3 },
  {
    clientSoftwareName: string({ since: 3, ignorable: true }),
    clientSoftwareVersion: string({ since: 3, ignorable: true }),
    clusterId: string({ since: 5, nullable: true, default: null, ignorable: true }),
    nodeId: int32({ since: 5, default: -1, ignorable: true }),
  },
)

export interface ApiVersionsRequest extends ValueOf<typeof ApiVersionsRequest> {}

export const ApiVersionsResponse = message(
  'ApiVersionsResponse',
  { versions: '0-5', flexible: 3 },
  {
    errorCode: int16(),
    apiKeys: array({ apiKey: int16({ mapKey: true }), minVersion: int16(), maxVersion: int16() }),
    throttleTimeMs: int32({ since: 1, ignorable: true }),
    supportedFeatures: array(
      { tag: 0, since: 3, ignorable: true },
      { name: string({ mapKey: true }), minVersion: int16(), maxVersion: int16() },
    ),
    finalizedFeaturesEpoch: int64({ tag: 1, since: 3, default: -1, ignorable: true }),
    finalizedFeatures: array(
      { tag: 2, since: 3, ignorable: true },
      { name: string({ mapKey: true }), maxVersionLevel: int16(), minVersionLevel: int16() },
    ),
    zkMigrationReady: bool({ tag: 3, since: 3, ignorable: true }),
  },
)

export interface ApiVersionsResponse extends ValueOf<typeof ApiVersionsResponse> {}

export const ApiVersions = api({
  key: 18,
  name: 'ApiVersions',
  versions: '0-4',
  listeners: ['broker', 'controller'],
  request: ApiVersionsRequest,
  response: ApiVersionsResponse,
})
