/** Envelope (key 58): a broker passes a client’s request on to the controller, with who asked. */
import { api } from '../api.ts'
import { bytes, int16, message, type ValueOf } from '../schema.ts'

export const EnvelopeRequest = message(
  'EnvelopeRequest',
  { versions: '0', flexible: 0 },
  { requestData: bytes(), requestPrincipal: bytes({ nullable: true }), clientHostAddress: bytes() },
)

export interface EnvelopeRequest extends ValueOf<typeof EnvelopeRequest> {}

export const EnvelopeResponse = message(
  'EnvelopeResponse',
  { versions: '0', flexible: 0 },
  { responseData: bytes({ nullable: true, default: null }), errorCode: int16() },
)

export interface EnvelopeResponse extends ValueOf<typeof EnvelopeResponse> {}

export const Envelope = api({
  key: 58,
  name: 'Envelope',
  listeners: ['controller'],
  clusterAction: true,
  request: EnvelopeRequest,
  response: EnvelopeResponse,
})
