import { type Api, ApiVersions, apiOf, decodeResponse, encodeRequest } from '@millrace/protocol'
import { randomValue, seededRandom } from '@millrace/protocol/internal'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePorts } from '../conformance/free-ports.ts'
import { isServed, NodeUnderTest } from './node-under-test.ts'
import { RawConnection } from './raw-connection.ts'

let node: NodeUnderTest
let bystander: RawConnection
let connect: () => Promise<RawConnection>
let served: { api: Api<any, any>; versions: number[] }[]

async function start(listener: 'broker' | 'controller'): Promise<void> {
  const [controllerPort] = await freePorts(1)
  node = await NodeUnderTest.start({
    properties: {
      listeners: `PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:${controllerPort}`,
      'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}`,
      // Members that join without an id wait for one another; nobody here does.
      'group.max.session.timeout.ms': '6000',
      'auto.create.topics.enable': 'false',
      'broker.heartbeat.interval.ms': '200',
    },
  })
  await node.createTopic('t')
  bystander = await node.connect()
  connect = () => RawConnection.open(listener === 'broker' ? node.port : controllerPort!)
  const asking = await connect()
  const { apiKeys } = await asking.request(ApiVersions, 3, { clientSoftwareName: 'raw', clientSoftwareVersion: '1' })
  asking.close()
  served = apiKeys.map(({ apiKey, minVersion, maxVersion }) => {
    const from = apiKey === 0 ? 3 : minVersion
    return { api: apiOf(apiKey)!, versions: Array.from({ length: maxVersion - from + 1 }, (_, i) => from + i) }
  })
}

async function stop(): Promise<void> {
  bystander.close()
  await node.stop()
}

async function send(frame: Buffer, api: Api<any, any>, version: number): Promise<'answered' | 'closed' | 'waiting'> {
  const connection = await connect()
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

describe.each(['broker', 'controller'] as const)('random requests at the listener of a %s', listener => {
  beforeAll(() => start(listener))
  afterAll(stop)

  test('that the protocol allows are answered, or refused by closing, without a bug in the log and with everybody else served', async () => {
    const outcomes = { answered: 0, closed: 0, waiting: 0 }
    for (const { api, versions } of served) {
      for (const version of versions) {
        for (let seed = 0; seed < 4; seed++) {
          const body = randomValue<any>(api.request, version, seededRandom(api.key * 1000 + version * 10 + seed))
          const frame = Buffer.concat(encodeRequest(api, version, { correlationId: seed, clientId: 'random' }, body))
          outcomes[await send(frame, api, version)]++
        }
      }
      // A node that was told to be forgotten registers again.
      await expect.poll(() => isServed(bystander), { message: `after ${api.name}` }).toBe(true)
    }
    expect(node.lines.filter(({ level }) => level === 'error')).toEqual([])
    expect(outcomes.answered).toBeGreaterThan(outcomes.closed)
  }, 120_000)

  test('with a few bytes changed are answered, or refused by closing, without a bug in the log and with everybody else served', async () => {
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
      // A node that was told to be forgotten registers again.
      await expect.poll(() => isServed(bystander), { message: `after ${api.name}` }).toBe(true)
    }
    expect(node.lines.filter(({ level }) => level === 'error')).toEqual([])
  }, 120_000)
})
