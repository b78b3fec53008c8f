/** ControllerRegistration (key 70): a controller registers with the active one. */
import { api } from '../api.ts'
import { array, bool, int16, int32, message, string, uint16, uuid, type ValueOf } from '../schema.ts'

export const ControllerRegistrationRequest = message(
  'ControllerRegistrationRequest',
  { versions: '0', flexible: 0 },
  {
    controllerId: int32(),
    incarnationId: uuid(),
    zkMigrationReady: bool(),
    listeners: array({ name: string({ mapKey: true }), host: string(), port: uint16(), securityProtocol: int16() }),
    features: array({ name: string({ mapKey: true }), minSupportedVersion: int16(), maxSupportedVersion: int16() }),
  },
)

export interface ControllerRegistrationRequest extends ValueOf<typeof ControllerRegistrationRequest> {}

export const ControllerRegistrationResponse = message(
  'ControllerRegistrationResponse',
  { versions: '0', flexible: 0 },
  { throttleTimeMs: int32(), errorCode: int16(), errorMessage: string({ nullable: true }) },
)

export interface ControllerRegistrationResponse extends ValueOf<typeof ControllerRegistrationResponse> {}

export const ControllerRegistration = api({
  key: 70,
  name: 'ControllerRegistration',
  listeners: ['controller'],
  request: ControllerRegistrationRequest,
  response: ControllerRegistrationResponse,
})
