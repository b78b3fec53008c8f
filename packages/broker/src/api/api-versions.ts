import {
  ApiVersions,
  type ApiVersionsRequest,
  type ApiVersionsResponse,
  type Draft,
  ErrorCode,
  encodeResponse,
} from '@millrace/protocol'
import type { Answer } from '../connection.ts'
import type { FeatureRange } from '../controller/features.ts'
import type { MetadataView } from '../services.ts'
import type { ApiHandler } from './handler.ts'
import type { ApiTable } from './table.ts'

/** Client software names and versions that Kafka accepts (KIP-511). */
const softwarePattern = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/
const softwareSince = 3
/** From here on a supported feature may have 0 as its lowest level (KAFKA-17011). */
const zeroLevelsSince = 4

/** ApiVersions answers from the table itself: what works is what is advertised. */
export function apiVersionsHandler(
  table: ApiTable<any>,
  supportedFeatures: readonly FeatureRange[],
): ApiHandler<ApiVersionsRequest, Draft<ApiVersionsResponse>, { readonly metadata: MetadataView }> {
  return {
    api: ApiVersions,
    versions: { min: 0, max: 4 },
    handle(request, { apiVersion, connection }, { metadata }) {
      if (apiVersion >= softwareSince) {
        const { clientSoftwareName, clientSoftwareVersion } = request
        if (!softwarePattern.test(clientSoftwareName) || !softwarePattern.test(clientSoftwareVersion))
          return { errorCode: ErrorCode.INVALID_REQUEST }
        connection.softwareName = clientSoftwareName
        connection.softwareVersion = clientSoftwareVersion
      }
      return {
        apiKeys: table.advertised(),
        supportedFeatures: supportedFeatures
          .filter(({ minSupportedVersion }) => minSupportedVersion > 0 || apiVersion >= zeroLevelsSince)
          .map(({ name, minSupportedVersion, maxSupportedVersion }) => ({
            name,
            minVersion: minSupportedVersion,
            maxVersion: maxSupportedVersion,
          })),
        finalizedFeaturesEpoch: metadata.appliedOffset,
        finalizedFeatures: [...metadata.features()]
          .filter(([, level]) => level > 0)
          .map(([name, level]) => ({ name, maxVersionLevel: level, minVersionLevel: level })),
      }
    },
  }
}

/** The answer to an ApiVersions request of a version that is not served: in the shape of version 0, with the range to try again with (KIP-511). */
export function unsupportedApiVersions(correlationId: number, { min, max }: { min: number; max: number }): Answer {
  const response = {
    errorCode: ErrorCode.UNSUPPORTED_VERSION,
    apiKeys: [{ apiKey: ApiVersions.key, minVersion: min, maxVersion: max }],
  }
  return { chunks: encodeResponse(ApiVersions, 0, correlationId, response), close: false }
}
