import { type ControllerRegistrationRequest, type ControllerRegistrationResponse, ErrorCode } from '@millrace/protocol'
import type { ControllerState, Decision } from './decision.ts'
import { MetadataVersion, metadataVersionOf } from './metadata-version.ts'

/** ControllerRegistration (KIP-919): a controller tells its addresses and the features that it supports. */
export function decideControllerRegistration(
  { image }: ControllerState,
  request: ControllerRegistrationRequest,
): Decision<ControllerRegistrationResponse> {
  if (metadataVersionOf(image) < MetadataVersion.controllerRegistration) {
    const errorMessage = 'The current MetadataVersion is too old to support controller registrations.'
    return { records: [], response: { throttleTimeMs: 0, errorCode: ErrorCode.UNSUPPORTED_VERSION, errorMessage } }
  }
  const { controllerId, incarnationId, zkMigrationReady, listeners, features } = request
  return {
    records: [
      {
        type: 'RegisterControllerRecord',
        value: { controllerId, incarnationId, zkMigrationReady, endPoints: listeners, features },
      },
    ],
    response: { throttleTimeMs: 0, errorCode: ErrorCode.NONE, errorMessage: null },
  }
}
