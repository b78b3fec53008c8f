import { describe, expect, it } from 'vitest'
import { encode, encodeWhole, joined } from './codec/codec.ts'
import { ErrorCode } from './errors/error-code.ts'
import { FrameSplitter } from './framing.ts'
import { apis } from './messages/all-apis.ts'
import { ApiVersions, Fetch, Heartbeat, Metadata, MetadataRequest, Produce } from './messages/index.ts'
import { ProtocolError } from './protocol-error.ts'
import {
  apiOf,
  correlationIdOf,
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  encodeRequest,
  encodeResponse,
} from './request.ts'

const header = { correlationId: -7, clientId: 'tester' }

function frameOf(chunks: Uint8Array[]): Buffer {
  const frames = new FrameSplitter(1 << 20).push(Buffer.concat(chunks))
  expect(frames).toHaveLength(1)
  return frames[0]!
}

describe('a request', () => {
  it.each([
    ['with header version 1', 8],
    ['with the flexible header', 9],
  ])('%s comes back as it was', (_, version) => {
    const frame = frameOf(encodeRequest(Metadata, version, header, { topics: [{ name: 'flights' }] }))
    const { bodyOffset, ...fields } = decodeRequestHeader(frame)
    expect(fields).toEqual({ apiKey: 3, apiVersion: version, ...header })
    expect(decodeRequest(Metadata, version, frame, bodyOffset).topics).toMatchObject([{ name: 'flights' }])
  })

  it('is passed to the socket without a copy of its records', () => {
    const records = new Uint8Array(5000)
    const chunks = encodeRequest(Produce, 9, header, { topicData: [{ name: 'a', partitionData: [{ records }] }] })
    expect(chunks.some(chunk => chunk === records)).toBe(true)
    expect(frameOf(chunks).length).toBe(chunks.reduce((sum, chunk) => sum + chunk.length, 0) - 4)
  })

  it('of unknown or retired key, or shorter than its header, is a ProtocolError', () => {
    for (const hex of [
      '03e70001000000010000',
      '00040001000000010000',
      'ffff0001000000010000',
      '',
      '00030001',
      '00030001000000010005',
    ])
      expect(() => decodeRequestHeader(Buffer.from(hex, 'hex')), hex).toThrow(ProtocolError)
  })

  it('of a version that is not known still tells who asks: ApiVersions is to be answered', () => {
    expect(decodeRequestHeader(Buffer.from('0012006300000001ffff00', 'hex'))).toEqual({
      apiKey: 18,
      apiVersion: 99,
      correlationId: 1,
      clientId: null,
      bodyOffset: 11,
    })
  })

  it('may have bytes behind it, which are passed over as Apache Kafka does', () => {
    const body = Buffer.concat([encodeWhole(MetadataRequest, 9, { topics: null }), Buffer.from('rest')])
    expect(decodeRequest(Metadata, 9, body, 0).topics).toBeNull()
  })
})

describe('a response', () => {
  it('comes back as it was, in either header version', () => {
    for (const version of [3, 4]) {
      const frame = frameOf(encodeResponse(Heartbeat, version, 42, { errorCode: ErrorCode.REBALANCE_IN_PROGRESS }))
      expect(correlationIdOf(frame)).toBe(42)
      expect(decodeResponse(Heartbeat, version, frame)).toMatchObject({ correlationId: 42, body: { errorCode: 27 } })
    }
  })

  it('of ApiVersions has header version 0 in every version', () => {
    const frame = frameOf(encodeResponse(ApiVersions, 3, 9, { apiKeys: [{ apiKey: 1, minVersion: 4, maxVersion: 17 }] }))
    expect(frame.subarray(0, 6).toString('hex')).toBe('000000090000')
    expect(decodeResponse(ApiVersions, 3, frame).body.apiKeys).toMatchObject([{ apiKey: 1, minVersion: 4, maxVersion: 17 }])
  })

  it('of ApiVersions that refuses the version is read in version 0 (KIP-511)', () => {
    const apiKeys = [{ apiKey: 18, minVersion: 0, maxVersion: 3 }]
    const frame = frameOf(encodeResponse(ApiVersions, 0, 9, { errorCode: ErrorCode.UNSUPPORTED_VERSION, apiKeys }))
    expect(decodeResponse(ApiVersions, 4, frame).body).toMatchObject({ errorCode: 35, apiKeys })
  })

  it('with bytes behind it is a ProtocolError', () => {
    const frame = Buffer.concat([frameOf(encodeResponse(Heartbeat, 4, 42, {})), Buffer.from([0])])
    expect(() => decodeResponse(Heartbeat, 4, frame)).toThrow(ProtocolError)
  })

  it('carries records as one piece or several, to the same bytes', () => {
    const pieces = [new Uint8Array(700).fill(1), new Uint8Array(0), new Uint8Array(700).fill(2)]
    const small = pieces.map(piece => piece.subarray(0, 10))
    for (const list of [pieces, small]) {
      const body = (records: Uint8Array | Uint8Array[]) => ({ responses: [{ partitions: [{ records }] }] })
      const [one, several] = [body(joined(list)), body(list)].map(value => Buffer.concat(encode(Fetch.response, 12, value)))
      expect(several).toEqual(one)
    }
  })
})

describe('the APIs', () => {
  it('are found by key, and not the retired ones', () => {
    expect(apis).toHaveLength(91)
    for (const api of apis) expect(apiOf(api.key)).toBe(api)
    for (const key of [-1, 4, 5, 6, 7, 95, 1000, 1.5]) expect(apiOf(key)).toBeUndefined()
  })

  it('speak only versions that both request and response declare', () => {
    const wrong = apis.filter(({ versions, request, response }) => {
      if (versions === null) return false
      const outside = ({ versions: range }: { versions: { min: number; max: number } }) =>
        versions.min < range.min || versions.max > range.max
      return outside(request) || outside(response)
    })
    expect(wrong.map(api => api.name)).toEqual([])
  })
})
