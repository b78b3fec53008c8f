import { ApiVersions, decodeResponse, ErrorCode, Metadata } from '@millrace/protocol'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { isServed, NodeUnderTest } from './node-under-test.ts'
import type { RawConnection } from './raw-connection.ts'

let node: NodeUnderTest
/** Open all the time: whatever others do, it is served. */
let bystander: RawConnection
let linesBefore: number

beforeAll(async () => {
  node = await NodeUnderTest.start()
  bystander = await node.connect()
})
afterAll(async () => {
  bystander.close()
  await node.stop()
})
beforeEach(() => {
  linesBefore = node.lines.length
})

const int32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
const framed = (body: Buffer) => Buffer.concat([int32(body.length), body])
/** A request header of version 1 without client id. */
const header = (apiKey: number, version: number) => {
  const bytes = Buffer.alloc(10)
  bytes.writeInt16BE(apiKey, 0)
  bytes.writeInt16BE(version, 2)
  bytes.writeInt32BE(7, 4)
  bytes.writeInt16BE(-1, 8)
  return bytes
}

describe('bytes that close the connection with one log line and leave others alone', () => {
  test.each<[string, Buffer]>([
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
    ['a TLS client hello', Buffer.from('16030100c8010000c40303', 'hex')],
    ['a frame of 2 GiB - 1', Buffer.concat([int32(2 ** 31 - 1), Buffer.alloc(100)])],
    ['a frame of negative size', int32(-1)],
    ['a frame above socket.request.max.bytes', int32(104_857_601)],
    ['an empty frame', int32(0)],
    ['a frame too short for a header', framed(Buffer.alloc(7))],
    ['an unknown API key', framed(header(9999, 0))],
    ['a negative API key', framed(header(-5, 0))],
    ['an API that only brokers among themselves use', framed(header(4, 7))],
    ['an unknown version of a known API', framed(header(3, 99))],
    ['a version of Produce that is advertised for old clients and refused', framed(header(0, 2))],
    ['a count larger than the frame', framed(Buffer.concat([header(3, 0), int32(30_000_000)]))],
    ['a count of 2^31 - 1', framed(Buffer.concat([header(3, 0), int32(2 ** 31 - 1)]))],
    ['a string longer than the frame', framed(Buffer.concat([header(3, 0), int32(1), Buffer.from([0x7f, 0xff])]))],
    ['a frame that ends within its body', framed(Buffer.concat([header(3, 1), Buffer.from([0, 0])]))],
    ['a client id longer than the frame', framed(Buffer.concat([header(3, 1).subarray(0, 8), Buffer.from([0x7f, 0xff, 1])]))],
    ['5,000 tagged fields that are not there', framed(Buffer.concat([header(3, 9), Buffer.from([0x88, 0x27])]))],
  ])('%s', async (_, bytes) => {
    const connection = await node.connect()
    connection.send(bytes)
    await connection.closed
    expect(node.complaints(linesBefore)).toHaveLength(1)
    expect(await isServed(bystander)).toBe(true)
  })
})

test('a frame that never ends is waited for, in no more memory than has been sent', async () => {
  const connection = await node.connect()
  const before = process.memoryUsage().rss
  connection.send(Buffer.concat([int32(100 * 1024 * 1024), Buffer.alloc(1000)]))
  expect(await isServed(bystander)).toBe(true)
  expect(process.memoryUsage().rss - before).toBeLessThan(50 * 1024 * 1024)
  connection.close()
  expect(await isServed(bystander)).toBe(true)
})

test('an unknown version of ApiVersions is answered in the shape of version 0, and the connection goes on', async () => {
  const connection = await node.connect()
  connection.send(framed(Buffer.concat([header(18, 99), Buffer.from([0])])))
  const { correlationId, body } = decodeResponse(ApiVersions, 0, await connection.frame())
  expect(correlationId).toBe(7)
  expect(body.errorCode).toBe(ErrorCode.UNSUPPORTED_VERSION)
  expect(body.apiKeys).toEqual([{ apiKey: 18, minVersion: 0, maxVersion: 4 }])
  expect(await isServed(connection)).toBe(true)
  connection.close()
})

test('what is advertised is served: each API in its lowest and highest version is not a protocol error', async () => {
  const { apiKeys } = await bystander.request(ApiVersions, 3, { clientSoftwareName: 'raw', clientSoftwareVersion: '1' })
  expect(apiKeys.length).toBeGreaterThan(20)
  const refused: string[] = []
  for (const { apiKey, minVersion, maxVersion } of apiKeys) {
    // Produce is advertised from 0 and served from 3.
    for (const version of new Set([apiKey === 0 ? 3 : minVersion, maxVersion])) {
      const lines = node.lines.length
      const connection = await node.connect()
      connection.send(framed(header(apiKey, version)))
      await Promise.race([connection.closed, connection.frame().catch(() => {})])
      connection.close()
      if (node.complaints(lines).some(({ facts }) => String(facts.reason).includes('not served')))
        refused.push(`${apiKey} v${version}`)
    }
  }
  expect(refused).toEqual([])
})

test('an illegal topic name is refused and not created', async () => {
  for (const name of ['a/b', '..', '', 'x'.repeat(250), 'sp ace', 'über']) {
    const { topics } = await bystander.request(Metadata, 9, { topics: [{ name }], allowAutoTopicCreation: true })
    expect([name, topics[0]!.errorCode]).toEqual([name, ErrorCode.INVALID_TOPIC_EXCEPTION])
  }
})

test('random bytes in valid frames close their connection and nothing else', async () => {
  let seed = 12345
  const random = () => (seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff) / 0x80000000
  for (let round = 0; round < 200; round++) {
    const body = Buffer.alloc(1 + Math.floor(random() * 200))
    for (let i = 0; i < body.length; i++) body[i] = Math.floor(random() * 256)
    // Half of them get as far as a handler.
    if (round % 2 === 0 && body.length > 10) header(Math.floor(random() * 25), Math.floor(random() * 8)).copy(body)
    const connection = await node.connect()
    connection.send(framed(body))
    if (round % 10 === 0) expect(await isServed(bystander)).toBe(true)
    connection.close()
  }
  expect(await isServed(bystander)).toBe(true)
})
