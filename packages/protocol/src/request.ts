import { type Api, requestHeaderVersion, responseHeaderVersion } from './api.ts'
import { decode, decodePrefix, writerOf } from './codec/codec.ts'
import { Output } from './codec/output.ts'
import { ErrorCode } from './errors/error-code.ts'
import { apis } from './messages/all-apis.ts'
import { ApiVersions } from './messages/api-versions.ts'
import { RequestHeader, ResponseHeader } from './messages/records/headers.ts'
import { ProtocolError } from './protocol-error.ts'
import type { Draft, Message } from './schema.ts'

const byKey: readonly (Api<any, any> | undefined)[] = Array.from(
  { length: Math.max(...apis.map(api => api.key)) + 1 },
  (_, key) => apis.find(api => api.key === key),
)

/** The API of a key; undefined for a key that is unknown or retired. */
export function apiOf(key: number): Api<any, any> | undefined {
  return byKey[key]
}

/** A request frame with its size prefix, as chunks to write. The body's byte fields are not copied (see `encode`). */
export function encodeRequest<Request>(
  api: Api<Request, any>,
  version: number,
  header: { readonly correlationId: number; readonly clientId: string | null },
  body: Draft<Request>,
): Uint8Array[] {
  const { correlationId, clientId } = header
  const fields = { requestApiKey: api.key, requestApiVersion: version, correlationId, clientId }
  return frame(RequestHeader, requestHeaderVersion(api, version), fields, api.request, version, body)
}

/** A response frame with its size prefix, as chunks to write. The body's byte fields are not copied (see `encode`). */
export function encodeResponse<Response>(
  api: Api<any, Response>,
  version: number,
  correlationId: number,
  body: Draft<Response>,
): Uint8Array[] {
  return frame(ResponseHeader, responseHeaderVersion(api, version), { correlationId }, api.response, version, body)
}

function frame<Header, Body>(
  headerMessage: Message<Header>,
  headerVersion: number,
  header: Draft<Header>,
  bodyMessage: Message<Body>,
  version: number,
  body: Draft<Body>,
): Uint8Array[] {
  const writeHeader = writerOf(headerMessage, headerVersion)
  const writeBody = writerOf(bodyMessage, version)
  const output = new Output()
  output.position += 4
  writeHeader(output, header)
  writeBody(output, body)
  const chunks = output.finish()
  let size = -4
  for (const chunk of chunks) size += chunk.length
  const first = chunks[0]!
  first[0] = size >>> 24
  first[1] = size >>> 16
  first[2] = size >>> 8
  first[3] = size
  return chunks
}

export interface DecodedRequestHeader {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
  /** Where the body begins in the frame. */
  readonly bodyOffset: number
}

/**
 * Reads the header of a request frame (without its size prefix). Throws ProtocolError for a frame that is too short or an API
 * key that is unknown; the version is not looked at, because ApiVersions answers unknown ones.
 */
export function decodeRequestHeader(frame: Uint8Array): DecodedRequestHeader {
  if (frame.length < 8) throw new ProtocolError(`a request of ${frame.length} bytes is shorter than its header`)
  const apiKey = ((frame[0]! << 24) >> 16) | frame[1]!
  const apiVersion = ((frame[2]! << 24) >> 16) | frame[3]!
  const api = apiOf(apiKey)
  if (api === undefined) throw new ProtocolError(`unknown API key ${apiKey} (version ${apiVersion})`)
  const { value, end } = decodePrefix(RequestHeader, requestHeaderVersion(api, apiVersion), frame)
  return { apiKey, apiVersion, correlationId: value.correlationId, clientId: value.clientId, bodyOffset: end }
}

/**
 * Reads the body of a request frame from `bodyOffset`. Byte fields are views into the frame. Bytes behind the body are passed
 * over, as Apache Kafka does. Throws ProtocolError, or KafkaError UNSUPPORTED_VERSION.
 */
export function decodeRequest<Request>(api: Api<Request, any>, version: number, frame: Uint8Array, bodyOffset: number): Request {
  return decodePrefix(api.request, version, frame, bodyOffset).value
}

/** The correlation id of a response frame (without its size prefix). */
export function correlationIdOf(frame: Uint8Array): number {
  if (frame.length < 4) throw new ProtocolError(`a response of ${frame.length} bytes is shorter than its header`)
  return (frame[0]! << 24) | (frame[1]! << 16) | (frame[2]! << 8) | frame[3]!
}

/**
 * Reads a response frame (without its size prefix). Byte fields are views into it. An ApiVersions response with
 * UNSUPPORTED_VERSION comes in version 0 whatever was asked.
 */
export function decodeResponse<Response>(
  api: Api<any, Response>,
  version: number,
  frame: Uint8Array,
): { correlationId: number; body: Response } {
  const { value, end } = decodePrefix(ResponseHeader, responseHeaderVersion(api, version), frame)
  const { correlationId } = value
  if (api.key === ApiVersions.key && version > 0 && errorCodeAt(frame, end) === ErrorCode.UNSUPPORTED_VERSION) {
    try {
      return { correlationId, body: decode(api.response, 0, frame, end) }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
    }
  }
  return { correlationId, body: decode(api.response, version, frame, end) }
}

function errorCodeAt(frame: Uint8Array, offset: number): number {
  return frame.length < offset + 2 ? 0 : ((frame[offset]! << 24) >> 16) | frame[offset + 1]!
}
