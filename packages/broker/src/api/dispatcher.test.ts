import {
  ApiVersions,
  type ApiVersionsResponse,
  decodeResponse,
  ErrorCode,
  encodeRequest,
  Heartbeat,
  Metadata,
  Produce,
} from '@millrace/protocol'
import { silentLogger } from '@millrace/runtime'
import { describe, expect, test } from 'vitest'
import { BrokerMetrics } from '../broker-metrics.ts'
import type { Answer, Connection } from '../connection.ts'
import type { BrokerServices } from '../services.ts'
import { apiVersionsHandler } from './api-versions.ts'
import { ApiDispatcher } from './dispatcher.ts'
import type { ApiHandler } from './handler.ts'
import { ApiTable } from './table.ts'

const features = [
  { name: 'metadata.version', minSupportedVersion: 7, maxSupportedVersion: 30 },
  { name: 'kraft.version', minSupportedVersion: 0, maxSupportedVersion: 1 },
]
const broker = {
  world: { clock: { monotonic: () => 0 } },
  logger: silentLogger,
  metrics: new BrokerMetrics(),
  metadata: { appliedOffset: 42, features: () => new Map([['metadata.version', 30]]) },
} as unknown as BrokerServices
const connectionOf = () =>
  ({ clientHost: 'h', clientPort: 1, softwareName: '', softwareVersion: '', listenerName: 'PLAINTEXT' }) as Connection

function setUp(...handlers: ApiHandler<any, any>[]) {
  const table = new ApiTable(handlers)
  table.add(apiVersionsHandler(table, features))
  return new ApiDispatcher(table, broker)
}

const heartbeat: ApiHandler<any, any> = {
  api: Heartbeat,
  versions: { min: 1, max: 3 },
  handle: () => ({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID }),
}
const header = { correlationId: 77, clientId: 'c' }
/** A request frame without its size prefix. */
const frameOf = (chunks: readonly Uint8Array[]) => Buffer.concat(chunks).subarray(4)
const bytesOf = (answer: Answer | Promise<Answer>) => Buffer.concat((answer as Answer).chunks!).subarray(4)

describe('dispatcher', () => {
  test('answers through the handler in the version of the request', () => {
    const answer = setUp(heartbeat).dispatch(frameOf(encodeRequest(Heartbeat, 2, header, { groupId: 'g' })), connectionOf())
    const { correlationId, body } = decodeResponse(Heartbeat, 2, bytesOf(answer))
    expect(correlationId).toBe(77)
    expect(body.errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
  })

  test.each([
    ['a version above those of the handler', encodeRequest(Heartbeat, 4, header, { groupId: 'g' })],
    ['a version below', encodeRequest(Heartbeat, 0, header, { groupId: 'g' })],
    ['an API without a handler', encodeRequest(Metadata, 1, header, {})],
  ])('%s is refused by closing', (_, chunks) => {
    expect(() => setUp(heartbeat).dispatch(frameOf(chunks), connectionOf())).toThrow(/not served/)
  })

  test.each([
    ['no header', Buffer.alloc(7)],
    ['a key that no API has', Buffer.from([0x7f, 0xff, 0, 0, 0, 0, 0, 1, 0, 0])],
    ['a body that ends early', frameOf(encodeRequest(Heartbeat, 2, header, { groupId: 'group' })).subarray(0, 15)],
  ])('bytes with %s are refused by closing', (_, frame) => {
    expect(() => setUp(heartbeat).dispatch(frame, connectionOf())).toThrow()
  })
})

describe('ApiVersions', () => {
  const ask = (version: number, body = {}) => {
    const connection = connectionOf()
    const produce: ApiHandler<any, any> = { api: Produce, versions: { min: 3, max: 12 }, handle: () => null }
    const answer = setUp(heartbeat, produce).dispatch(frameOf(encodeRequest(ApiVersions, version, header, body)), connection)
    return {
      connection,
      bytes: bytesOf(answer),
      read: (as = version): ApiVersionsResponse => decodeResponse(ApiVersions, as, bytesOf(answer)).body,
    }
  }
  const software = { clientSoftwareName: 'apache-kafka-java', clientSoftwareVersion: '4.3.1' }

  test.each([0, 1, 2, 3, 4])('version %i lists exactly what has a handler, Produce from 0', version => {
    const { errorCode, apiKeys } = ask(version, software).read()
    expect(errorCode).toBe(0)
    expect(apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, minVersion, maxVersion])).toEqual([
      [0, 0, 12],
      [12, 1, 3],
      [18, 0, 4],
    ])
  })

  test('features are told from version 3, those that may be off from version 4', () => {
    expect(ask(3, software).read()).toMatchObject({
      supportedFeatures: [{ name: 'metadata.version', minVersion: 7, maxVersion: 30 }],
      finalizedFeaturesEpoch: 42,
      finalizedFeatures: [{ name: 'metadata.version', minVersionLevel: 30, maxVersionLevel: 30 }],
    })
    expect(
      ask(4, software)
        .read()
        .supportedFeatures.map(({ name }) => name),
    ).toEqual(['metadata.version', 'kraft.version'])
  })

  test("the client's software is noted", () => {
    expect(ask(3, software).connection).toMatchObject({ softwareName: 'apache-kafka-java', softwareVersion: '4.3.1' })
  })

  test.each(['', '-kafka', 'kafka-', 'ka fka', 'kaf\nka'])('a software name %j is an invalid request', clientSoftwareName => {
    expect(ask(3, { ...software, clientSoftwareName }).read().errorCode).toBe(ErrorCode.INVALID_REQUEST)
  })

  test('an unknown version is answered in the shape of version 0 with the range to use', () => {
    const frame = Buffer.alloc(14)
    frame.writeInt16BE(18, 0)
    frame.writeInt16BE(99, 2)
    frame.writeInt32BE(77, 4)
    const { correlationId, body } = decodeResponse(ApiVersions, 0, bytesOf(setUp().dispatch(frame, connectionOf())))
    expect(correlationId).toBe(77)
    expect(body).toMatchObject({
      errorCode: ErrorCode.UNSUPPORTED_VERSION,
      apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }],
    })
  })
})
