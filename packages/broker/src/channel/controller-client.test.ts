import { AllocateProducerIds, apiOf, CreateTopics, Envelope, ErrorCode, errorOf, KafkaError } from '@millrace/protocol'
import { type Address, nodeWorld, silentLogger } from '@millrace/runtime'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { apiVersionsHandler } from '../api/api-versions.ts'
import { ApiDispatcher } from '../api/dispatcher.ts'
import { ApiTable } from '../api/table.ts'
import { BrokerMetrics } from '../broker-metrics.ts'
import { Server } from '../server.ts'
import type { RequestOrigin } from '../services.ts'
import { ClusterControllerClient, type ControllerClientOptions } from './controller-client.ts'
import { unwrapRequest, wrapResponse } from './envelope.ts'

const world = nodeWorld()
const limits = {
  maxConnections: 10,
  maxConnectionsPerIp: 10,
  maxIdleMs: 60_000,
  maxRequestBytesInFlight: 1_000_000,
  maxRequestBytes: 1_000_000,
  maxBufferedResponseBytes: 1_000_000,
  maxPipelinedRequests: 1,
}

/** A controller on another node: answers AllocateProducerIds with its number, and Envelopes with who asked. */
class FakeController {
  readonly origins: RequestOrigin[] = []
  readonly #server: Server
  readonly #number: number
  isActive = true
  isHanging = false
  asked = 0
  address!: Address

  private constructor(number: number) {
    this.#number = number
    this.#server = new Server({ world, logger: silentLogger, metrics: new BrokerMetrics(), limits })
  }

  static async start(number: number): Promise<FakeController> {
    const controller = new FakeController(number)
    controller.address = await controller.#server.listen({ name: 'CONTROLLER', host: '127.0.0.1', port: 0 })
    const table = new ApiTable<any>([])
    table.add({
      api: AllocateProducerIds,
      versions: { min: 0, max: 0 },
      handle: () => {
        controller.asked++
        if (controller.isHanging) return new Promise(() => {})
        return controller.isActive ? { producerIdStart: controller.#number } : { errorCode: ErrorCode.NOT_CONTROLLER }
      },
    })
    table.add({ api: Envelope, versions: { min: 0, max: 0 }, handle: request => controller.#open(request as never) })
    table.add(apiVersionsHandler(table, []))
    const metadata = { appliedOffset: 0, features: () => new Map() }
    controller.#server.serve(new ApiDispatcher(table, { world, metrics: new BrokerMetrics(), metadata }))
    return controller
  }

  stop(): Promise<void> {
    return this.#server.close(0)
  }

  #open(request: Parameters<typeof unwrapRequest>[0]) {
    if (!this.isActive) return { responseData: null, errorCode: ErrorCode.NOT_CONTROLLER }
    const wrapped = unwrapRequest(request)
    this.origins.push(wrapped.origin)
    return { responseData: wrapResponse(wrapped, { topics: [{ name: `by-${this.#number}`, errorCode: 0 }] }) }
  }
}

let one: FakeController
let two: FakeController
let leader: FakeController | null
let client: ClusterControllerClient
beforeEach(async () => {
  one = await FakeController.start(1)
  two = await FakeController.start(2)
  leader = one
})
afterEach(async () => {
  client.close()
  await Promise.all([one.stop(), two.stop()])
})

function open(options: Partial<ControllerClientOptions> = {}): ClusterControllerClient {
  client = new ClusterControllerClient({
    world,
    nodeId: 7,
    local: () => null,
    remote: () => leader?.address ?? null,
    retryBackoffMs: 5,
    deadlineMs: 5000,
    ...options,
  })
  return client
}

const allocate = { brokerId: 7, brokerEpoch: 1 }
const create = { topics: [], timeoutMs: 1, validateOnly: false }

test('what is between nodes goes directly, what brokers pass on in an Envelope with the client as its origin', async () => {
  const client = open()
  expect(await client.request(AllocateProducerIds, 0, allocate)).toMatchObject({ producerIdStart: 1 })
  const origin = { clientId: 'admin', connection: { clientHost: '10.1.2.3' } }
  expect(await client.request(CreateTopics, 7, create, origin)).toMatchObject({ topics: [{ name: 'by-1' }] })
  await client.request(CreateTopics, 7, create)
  expect(one.origins).toEqual([origin, { clientId: null, connection: { clientHost: '127.0.0.1' } }])
})

describe('an active controller', () => {
  test('in this process is asked without a network', async () => {
    const asked: unknown[] = []
    const local = { request: async (api: unknown, version: number) => void asked.push([api, version]) }
    await open({ local: () => local, remote: () => null }).request(CreateTopics, 6, create)
    expect(asked).toEqual([[CreateTopics, 6]])
  })

  test.each([
    ['a request', AllocateProducerIds.key, allocate],
    ['an Envelope', CreateTopics.key, create],
  ])('that has resigned refuses %s, and the next one is found', async (_, key, request) => {
    one.isActive = false
    const answer = open().request(apiOf(key)!, apiOf(key)!.versions!.max, request)
    world.clock.timer(20, () => {
      leader = two
    })
    expect(JSON.stringify(await answer)).toMatch(/by-2|"producerIdStart":2/)
  })

  test('that resigns in this process makes room for one elsewhere', async () => {
    const local = { request: () => Promise.reject(errorOf(ErrorCode.NOT_CONTROLLER)) }
    let isLocal = true
    const answer = open({ local: () => (isLocal ? local : null) }).request(AllocateProducerIds, 0, allocate)
    isLocal = false
    expect(await answer).toMatchObject({ producerIdStart: 1 })
  })

  test('that dies is looked for again', async () => {
    await one.stop()
    const answer = open().request(AllocateProducerIds, 0, allocate)
    world.clock.timer(20, () => {
      leader = two
    })
    expect(await answer).toMatchObject({ producerIdStart: 2 })
  })

  test('that nobody knows is a time-out after the deadline', async () => {
    leader = null
    const answer = open({ deadlineMs: 30 }).request(CreateTopics, 7, create)
    await expect(answer).rejects.toMatchObject({
      errorCode: ErrorCode.REQUEST_TIMED_OUT,
      message: expect.stringMatching(/no active/),
    })
  })

  test('that refuses for another reason is not asked again', async () => {
    let asked = 0
    const local = {
      request: () => {
        asked++
        return Promise.reject(new KafkaError(ErrorCode.UNSUPPORTED_VERSION, 'no'))
      },
    }
    const answer = open({ local: () => local }).request(CreateTopics, 7, create)
    await expect(answer).rejects.toMatchObject({ errorCode: ErrorCode.UNSUPPORTED_VERSION })
    expect(asked).toBe(1)
  })
})

test('what waits for a controller that hangs is asked of the next one as soon as that is known, and not before', async () => {
  one.isHanging = true
  const client = open()
  const answer = client.request(AllocateProducerIds, 0, allocate)
  while (one.asked === 0) await new Promise<void>(resolve => world.clock.timer(1, resolve))
  leader = null
  client.controllerMoved()
  leader = one
  client.controllerMoved()
  leader = two
  client.controllerMoved()
  expect(await answer).toMatchObject({ producerIdStart: 2 })
  expect(one.asked).toBe(1)
})

test('what waits ends when the client closes', async () => {
  leader = null
  const answer = open().request(AllocateProducerIds, 0, allocate)
  client.close()
  await expect(answer).rejects.toMatchObject({ errorCode: ErrorCode.NOT_CONTROLLER })
})
