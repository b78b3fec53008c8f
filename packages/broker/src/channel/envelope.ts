import {
  type Api,
  apiOf,
  DefaultPrincipalData,
  type Draft,
  decode,
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  type EnvelopeRequest,
  ErrorCode,
  encodeRequest,
  encodeResponse,
  encodeWhole,
  joined,
  KafkaError,
} from '@millrace/protocol'
import { messageOf } from '@millrace/runtime'
import type { RequestOrigin } from '../services.ts'
import { hostBytes, hostText } from './host-address.ts'

const sizePrefixBytes = 4
const principalVersion = 0
/** Without authentication every client is this one. */
const anonymous = { type: 'User', name: 'ANONYMOUS', tokenAuthenticated: false }

/** A client's request as a broker passes it on (KIP-590): the request's own bytes, who asked, and from where. */
export function wrapRequest<Request>(
  api: Api<Request, any>,
  version: number,
  request: Request,
  { clientId, connection }: RequestOrigin,
): Draft<EnvelopeRequest> {
  const frame = joined(encodeRequest(api, version, { correlationId: 0, clientId }, request as Draft<Request>))
  return {
    requestData: frame.subarray(sizePrefixBytes),
    requestPrincipal: serializedPrincipal(),
    clientHostAddress: hostBytes(connection.clientHost),
  }
}

/** The answer inside an Envelope's. Throws a ProtocolError. */
export function unwrapResponse<Response>(api: Api<any, Response>, version: number, responseData: Uint8Array): Response {
  return decodeResponse(api, version, Buffer.from(responseData.buffer, responseData.byteOffset, responseData.length)).body
}

export interface WrappedRequest {
  readonly api: Api<any, any>
  readonly version: number
  readonly correlationId: number
  readonly request: unknown
  readonly origin: RequestOrigin
}

/** What an Envelope holds. Throws a KafkaError with the code that answers the Envelope. */
export function unwrapRequest({ requestData, requestPrincipal, clientHostAddress }: EnvelopeRequest): WrappedRequest {
  checkPrincipal(requestPrincipal)
  const clientHost = hostText(clientHostAddress)
  if (clientHost === null)
    throw new KafkaError(ErrorCode.INVALID_REQUEST, `a client address of ${clientHostAddress.length} bytes`)
  try {
    const frame = Buffer.from(requestData.buffer, requestData.byteOffset, requestData.length)
    const { apiKey, apiVersion, correlationId, clientId, bodyOffset } = decodeRequestHeader(frame)
    const api = apiOf(apiKey)!
    if (!api.forwarded) throw new KafkaError(ErrorCode.INVALID_REQUEST, `${api.name} is not passed on to the controller`)
    if (!api.versions || apiVersion < api.versions.min || apiVersion > api.versions.max)
      throw new KafkaError(ErrorCode.UNSUPPORTED_VERSION, `${api.name} version ${apiVersion} is not served`)
    const request = decodeRequest(api, apiVersion, frame, bodyOffset)
    return { api, version: apiVersion, correlationId, request, origin: { clientId, connection: { clientHost } } }
  } catch (error) {
    if (error instanceof KafkaError) throw error
    throw new KafkaError(ErrorCode.INVALID_REQUEST, `the request inside the envelope cannot be read: ${messageOf(error)}`)
  }
}

/** An answer in the form that an Envelope's carries. */
export function wrapResponse({ api, version, correlationId }: WrappedRequest, response: unknown): Uint8Array {
  return joined(encodeResponse(api, version, correlationId, response as never)).subarray(sizePrefixBytes)
}

function serializedPrincipal(): Uint8Array {
  const body = encodeWhole(DefaultPrincipalData, principalVersion, anonymous)
  const bytes = new Uint8Array(2 + body.length)
  bytes[1] = principalVersion
  bytes.set(body, 2)
  return bytes
}

function checkPrincipal(bytes: Uint8Array | null): void {
  const refuse = (message: string) => new KafkaError(ErrorCode.PRINCIPAL_DESERIALIZATION_FAILURE, message)
  if (bytes === null || bytes.length < 2) throw refuse('the envelope names no principal')
  const version = (bytes[0]! << 8) | bytes[1]!
  if (version !== principalVersion) throw refuse(`a principal of version ${version}`)
  try {
    decode(DefaultPrincipalData, version, bytes, 2)
  } catch (error) {
    throw refuse(`the principal cannot be read: ${messageOf(error)}`)
  }
}
