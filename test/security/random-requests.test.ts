import { type Api, ApiVersions, apiOf, decodeResponse, encodeRequest } from '@millrace/protocol'
import { randomValue, seededRandom } from '@millrace/protocol/internal'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isServed, NodeUnderTest } from './node-under-test.ts'
import type { RawConnection } from './raw-connection.ts'

let node: NodeUnderTest
let bystander: RawConnection
let served: { api: Api<any, any>; versions: number[] }[]

beforeAll(async () => {
  // Members that join without an id wait for one another; nobody here does.
  node = await NodeUnderTest.start({
    properties: { 'group.max.session.timeout.ms': '6000', 'auto.create.topics.enable': 'false' },
  })
  await node.createTopic('t')
  bystander = await node.connect()
  const { apiKeys } = await bystander.request(ApiVersions, 3, { clientSoftwareName: 'raw', clientSoftwareVersion: '1' })
  served = apiKeys.map(({ apiKey, minVersion, maxVersion }) => {
    const from = apiKey === 0 ? 3 : minVersion
    return { api: apiOf(apiKey)!, versions: Array.from({ length: maxVersion - from + 1 }, (_, i) => from + i) }
  })
})
afterAll(async () => {
  bystander.close()
  await node.stop()
})

async function send(frame: Buffer, api: Api<any, any>, version: number): Promise<'answered' | 'closed' | 'waiting'> {
  const connection = await node.connect()
  connection.send(frame)
  let timer!: NodeJS.Timeout
  const waited = new Promise<'waiting'>(resolve => {
    timer = setTimeout(resolve, 50, 'waiting')
  })
  const answered = connection.frame().then(
    answer => {
      decodeResponse(api, version, answer)
      return 'answered' as const
    },
    () => 'closed' as const,
  )
  const outcome = await Promise.race([answered, waited])
  clearTimeout(timer)
  connection.close()
  return outcome
}

describe('random requests that the protocol allows', () => {
  test('are answered, or refused by closing, without a bug in the log and with everybody else served', async () => {
    const outcomes = { answered: 0, closed: 0, waiting: 0 }
    for (const { api, versions } of served) {
      for (const version of versions) {
        for (let seed = 0; seed < 4; seed++) {
          const body = randomValue<any>(api.request, version, seededRandom(api.key * 1000 + version * 10 + seed))
          const frame = Buffer.concat(encodeRequest(api, version, { correlationId: seed, clientId: 'random' }, body))
          outcomes[await send(frame, api, version)]++
        }
      }
      expect(await isServed(bystander)).toBe(true)
    }
    expect(node.lines.filter(({ level }) => level === 'error')).toEqual([])
    expect(outcomes.answered).toBeGreaterThan(outcomes.closed)
  }, 120_000)
})

describe('the same with a few bytes changed', () => {
  test('are answered, or refused by closing, without a bug in the log and with everybody else served', async () => {
    for (const { api, versions } of served) {
      for (const version of [versions[0]!, versions.at(-1)!]) {
        for (let seed = 0; seed < 6; seed++) {
          const random = seededRandom(api.key * 777 + version * 13 + seed)
          const body = randomValue<any>(api.request, version, random)
          const frame = Buffer.concat(encodeRequest(api, version, { correlationId: seed, clientId: 'random' }, body))
          for (let i = 0; i < 3; i++) {
            // Behind size, key and version: the request stays one for this API.
            const at = 12 + random.below(frame.length - 12)
            if (at < frame.length) frame[at] = [0, 0x7f, 0x80, 0xff, random.below(256)][random.below(5)]!
          }
          await send(frame, api, version).catch(() => {})
        }
      }
      expect(await isServed(bystander)).toBe(true)
    }
    expect(node.lines.filter(({ level }) => level === 'error')).toEqual([])
  }, 120_000)
})
