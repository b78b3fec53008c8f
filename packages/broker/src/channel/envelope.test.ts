import {
  CreateTopics,
  DefaultPrincipalData,
  decode,
  EnvelopeRequest as EnvelopeMessage,
  type EnvelopeRequest,
  ErrorCode,
  encodeWhole,
  Fetch,
} from '@millrace/protocol'
import { expect, test } from 'vitest'
import { unwrapRequest, unwrapResponse, wrapRequest, wrapResponse } from './envelope.ts'

const origin = { clientId: 'admin', connection: { clientHost: '10.0.0.7' } }
const request = {
  topics: [{ name: 't', numPartitions: 3, replicationFactor: 1, assignments: [], configs: [] }],
  timeoutMs: 7,
  validateOnly: false,
}

/** As it arrives. */
function sent(change: Partial<EnvelopeRequest> = {}): EnvelopeRequest {
  const wrapped = { ...wrapRequest(CreateTopics, 7, request, origin), ...change }
  return decode(EnvelopeMessage, 0, encodeWhole(EnvelopeMessage, 0, wrapped))
}

test('a request travels with its version, who asked and from where; its answer comes back', () => {
  const unwrapped = unwrapRequest(sent())
  expect(unwrapped).toMatchObject({ api: CreateTopics, version: 7, request, origin })
  const topics = [{ name: 't', errorCode: ErrorCode.TOPIC_ALREADY_EXISTS }]
  expect(unwrapResponse(CreateTopics, 7, wrapResponse(unwrapped, { topics }))).toMatchObject({ topics })
})

test('the principal is in the form of Apache Kafka: two bytes of version, then DefaultPrincipalData', () => {
  const bytes = sent().requestPrincipal!
  expect([bytes[0], bytes[1]]).toEqual([0, 0])
  expect(decode(DefaultPrincipalData, 0, bytes, 2)).toEqual({ type: 'User', name: 'ANONYMOUS', tokenAuthenticated: false })
})

test.each([
  ['without a principal', { requestPrincipal: null }, ErrorCode.PRINCIPAL_DESERIALIZATION_FAILURE],
  ['with a principal of another form', { requestPrincipal: Uint8Array.of(0, 1, 2) }, ErrorCode.PRINCIPAL_DESERIALIZATION_FAILURE],
  ['with half a principal', { requestPrincipal: Uint8Array.of(0, 0, 9, 1) }, ErrorCode.PRINCIPAL_DESERIALIZATION_FAILURE],
  ['from no address', { clientHostAddress: new Uint8Array(3) }, ErrorCode.INVALID_REQUEST],
  ['with half a request', { requestData: sent().requestData.subarray(0, 12) }, ErrorCode.INVALID_REQUEST],
  ['with no request', { requestData: new Uint8Array() }, ErrorCode.INVALID_REQUEST],
  ['with what brokers do not pass on', wrapRequest(Fetch, 4, {} as never, origin), ErrorCode.INVALID_REQUEST],
])('an envelope %s is refused', (_, change, errorCode) => {
  expect(() => unwrapRequest(sent(change as Partial<EnvelopeRequest>))).toThrow(expect.objectContaining({ errorCode }))
})

test('a version that the controller does not serve is refused', () => {
  const requestData = Uint8Array.from(sent().requestData)
  requestData[3] = 99
  expect(() => unwrapRequest(sent({ requestData }))).toThrow(
    expect.objectContaining({ errorCode: ErrorCode.UNSUPPORTED_VERSION }),
  )
})
