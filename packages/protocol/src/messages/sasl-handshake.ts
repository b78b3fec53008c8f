/**
 * SaslHandshake (key 17): picks the SASL mechanism. Version 1 is followed by SaslAuthenticate, version 0 by raw tokens. Never
 * flexible.
 */
import { api } from '../api.ts'
import { array, int16, message, string, type ValueOf } from '../schema.ts'

export const SaslHandshakeRequest = message('SaslHandshakeRequest', { versions: '0-1' }, { mechanism: string() })

export interface SaslHandshakeRequest extends ValueOf<typeof SaslHandshakeRequest> {}

export const SaslHandshakeResponse = message(
  'SaslHandshakeResponse',
  { versions: '0-1' },
  { errorCode: int16(), mechanisms: array(string()) },
)

export interface SaslHandshakeResponse extends ValueOf<typeof SaslHandshakeResponse> {}

export const SaslHandshake = api({
  key: 17,
  name: 'SaslHandshake',
  listeners: ['broker', 'controller'],
  request: SaslHandshakeRequest,
  response: SaslHandshakeResponse,
})
