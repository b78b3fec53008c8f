import {
  type Api,
  BrokerHeartbeat,
  type BrokerHeartbeatRequest,
  BrokerRegistration,
  type BrokerRegistrationRequest,
  ErrorCode,
  errorOf,
  zeroUuid,
} from '@millrace/protocol'
import { type Logger, nodeWorld, silentLogger, type World } from '@millrace/runtime'
import { beforeEach, describe, expect, test } from 'vitest'
import { readBrokerConfig } from '../config/broker-config.ts'
import { supportedFeatures } from '../controller/features.ts'
import { MetadataVersion, metadataVersionOf } from '../controller/metadata-version.ts'
import { CommittedMetadata } from '../controller/metadata-view.ts'
import { VirtualClock } from '../testing/group-scenario.ts'
import { BrokerLifecycle } from './broker-lifecycle.ts'

const clusterId = 'MkU3OEVBNTcwNTJENDM2Qg'
const properties = {
  'process.roles': 'broker',
  'node.id': '4',
  listeners: 'PLAINTEXT://:9092',
  'controller.listener.names': 'CONTROLLER',
  'controller.quorum.bootstrap.servers': 'a:1',
}

/** A controller that registers brokers in metadata that are applied at once, and answers heartbeats as it is told. */
class FakeController {
  readonly registrations: BrokerRegistrationRequest[] = []
  readonly heartbeats: BrokerHeartbeatRequest[] = []
  readonly metadata: CommittedMetadata
  /** Codes that the next registrations are refused with. */
  refusals: number[] = []
  isSilent = false
  isLeaderless = false
  heartbeatError = 0
  isFenced = true
  shouldShutDown = false
  #offset = 0

  constructor(logger: Logger) {
    this.metadata = new CommittedMetadata(logger)
  }

  request = async (api: Api<any, any>, _version: number, request: any): Promise<any> => {
    if (this.isSilent) throw errorOf(ErrorCode.REQUEST_TIMED_OUT)
    if (api.key === BrokerRegistration.key) return this.#register(request)
    expect(api.key).toBe(BrokerHeartbeat.key)
    this.heartbeats.push(request)
    if (!request.wantFence && request.currentMetadataOffset >= request.brokerEpoch) this.isFenced = false
    const { heartbeatError: errorCode, isFenced, shouldShutDown } = this
    return { errorCode, isCaughtUp: true, isFenced, shouldShutDown: shouldShutDown && request.wantShutDown }
  }

  #register(request: BrokerRegistrationRequest) {
    this.registrations.push(request)
    const refusal = this.refusals.shift()
    if (refusal !== undefined) return { errorCode: refusal, brokerEpoch: -1 }
    const logDirs = metadataVersionOf(this.metadata.image) >= MetadataVersion.directories ? request.logDirs : []
    return { errorCode: 0, brokerEpoch: this.appear(request.incarnationId, logDirs) }
  }

  /** The broker appears in the metadata, as this process. Returns its epoch. */
  appear(incarnationId: string, logDirs: readonly string[] = []): number {
    // A process keeps its epoch.
    const known = this.metadata.image.broker(4)
    const offset = ++this.#offset
    const brokerEpoch = known?.incarnationId === incarnationId ? known.epoch : offset
    const value = {
      brokerId: 4,
      isMigratingZkBroker: false,
      incarnationId,
      brokerEpoch,
      endPoints: [],
      features: supportedFeatures,
      rack: null,
      fenced: true,
      inControlledShutdown: false,
      logDirs,
      cordonedLogDirs: [],
    }
    this.metadata.publish([{ type: 'RegisterBrokerRecord', value }], offset + 1)
    return brokerEpoch
  }

  /** metadata.version is this from now on. */
  raise(featureLevel: number): void {
    const value = { name: 'metadata.version', featureLevel }
    this.metadata.publish([{ type: 'FeatureLevelRecord', value }], ++this.#offset + 1)
  }

  unregister(): void {
    const value = { brokerId: 4, brokerEpoch: this.#offset }
    this.metadata.publish([{ type: 'UnregisterBrokerRecord', value }], ++this.#offset + 1)
  }
}

let clock: VirtualClock
let controller: FakeController
let lifecycle: BrokerLifecycle
let failures: string[]
let offline: string[]
let events: string[]
beforeEach(() => {
  clock = new VirtualClock()
  failures = []
  offline = []
  events = []
  const note = (event: string) => void events.push(event)
  const logger = { info: note, warn: note, error: note }
  controller = new FakeController(silentLogger)
  const world: World = { ...nodeWorld(), clock }
  lifecycle = new BrokerLifecycle({
    world,
    logger,
    config: readBrokerConfig(new Map(Object.entries(properties)), silentLogger),
    nodeId: 4,
    clusterId,
    metadata: controller.metadata,
    controller: controller as never,
    isControllerKnown: () => !controller.isLeaderless,
    listeners: [{ name: 'PLAINTEXT', host: 'h', port: 9092, securityProtocol: 0 }],
    logDirectoryIds: ['BBBBBBBBBBBBBBBBBBBBBA', 'CCCCCCCCCCCCCCCCCCCCCA'],
    offlineDirectoryIds: () => offline,
    previousBrokerEpoch: 77,
    failed: error => failures.push(error.message),
  })
})

/** Time passes, and what waits for answers goes on. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10) {
    clock.pass(Math.min(10, ms - passed))
    for (let i = 0; i < 10; i++) await Promise.resolve()
  }
}

async function running(): Promise<void> {
  const started = lifecycle.register().then(() => lifecycle.unfence())
  await pass(100)
  await started
  controller.heartbeats.length = 0
}

test('a broker registers with the epoch of its last clean stop, asks to stay fenced until its logs are open, and is unfenced then', async () => {
  const registered = lifecycle.register()
  await pass(0)
  expect(await registered).toBe(1)
  expect(controller.registrations).toMatchObject([
    { brokerId: 4, clusterId, previousBrokerEpoch: 77, logDirs: ['BBBBBBBBBBBBBBBBBBBBBA', 'CCCCCCCCCCCCCCCCCCCCCA'] },
  ])
  await pass(2000)
  expect(controller.heartbeats.every(({ wantFence }) => wantFence)).toBe(true)
  expect(lifecycle.unreadiness).toMatch(/logs/)
  const unfenced = lifecycle.unfence()
  await pass(100)
  await unfenced
  expect([lifecycle.isFenced, lifecycle.unreadiness]).toEqual([false, null])
})

test('a heartbeat goes out every broker.heartbeat.interval.ms and says how far the metadata are applied', async () => {
  await running()
  await pass(10_000)
  expect(controller.heartbeats).toHaveLength(5)
  expect(controller.heartbeats[0]).toMatchObject({
    brokerEpoch: 1,
    currentMetadataOffset: 1,
    wantFence: false,
    wantShutDown: false,
  })
})

describe('a registration', () => {
  test('that finds the session of the process before is tried again', async () => {
    controller.refusals = [ErrorCode.DUPLICATE_BROKER_REGISTRATION, ErrorCode.DUPLICATE_BROKER_REGISTRATION]
    const registered = lifecycle.register()
    await pass(1000)
    expect(await registered).toBe(1)
    expect(events).toEqual(['broker.registered-already', 'broker.registered'])
  })

  test('that finds another process for good is given up after initial.broker.registration.timeout.ms', async () => {
    controller.refusals = new Array(1000).fill(ErrorCode.DUPLICATE_BROKER_REGISTRATION)
    const refused = expect(lifecycle.register()).rejects.toMatchObject({ code: 'NOT_REGISTERED' })
    await pass(60_000)
    await refused
  })

  test.each([ErrorCode.INCONSISTENT_CLUSTER_ID, ErrorCode.UNSUPPORTED_VERSION, ErrorCode.INVALID_REGISTRATION])(
    'refused with %i ends at once',
    async errorCode => {
      controller.refusals = [errorCode]
      await expect(lifecycle.register()).rejects.toMatchObject({ code: 'NOT_REGISTERED' })
      expect(controller.registrations).toHaveLength(1)
    },
  )

  test('that is not over when the node closes ends with it', async () => {
    await lifecycle.register()
    const unfenced = expect(lifecycle.unfence()).rejects.toMatchObject({ code: 'CLOSED' })
    lifecycle.close()
    await unfenced
  })
})

test('a broker registers again, as the same process, when metadata.version is raised to where it tells its directories', async () => {
  controller.raise(MetadataVersion.directories - 1)
  await running()
  await pass(5000)
  expect(controller.registrations).toHaveLength(1)
  controller.raise(MetadataVersion.directories)
  controller.refusals = [ErrorCode.INVALID_REGISTRATION]
  await pass(6000)
  expect(controller.registrations).toHaveLength(3)
  const [first, , last] = controller.registrations
  expect(last).toMatchObject({ incarnationId: first!.incarnationId, logDirs: first!.logDirs })
  expect([...controller.metadata.brokers()]).toMatchObject([{ id: 4, epoch: 2, logDirs: first!.logDirs }])
  expect([lifecycle.brokerEpoch, failures]).toEqual([2, []])
})

describe('a controller', () => {
  test('that is silent is asked again, and what the broker leads goes on', async () => {
    await running()
    controller.isSilent = true
    await pass(5000)
    expect(lifecycle.unreadiness).toMatch(/no active controller/)
    expect([events.filter(event => event === 'broker.not-heard').length, failures]).toEqual([1, []])
    controller.isSilent = false
    await pass(2000)
    expect([lifecycle.unreadiness, events.at(-1)]).toEqual([null, 'broker.heard-again'])
  })

  test('that has forgotten the broker gets it registered again, with a new epoch', async () => {
    await running()
    controller.unregister()
    controller.heartbeatError = ErrorCode.STALE_BROKER_EPOCH
    await pass(2050)
    controller.heartbeatError = 0
    await pass(2000)
    expect(controller.registrations).toHaveLength(2)
    expect(controller.registrations[1]!.incarnationId).toBe(controller.registrations[0]!.incarnationId)
    expect(lifecycle.brokerEpoch).toBe(3)
    expect(failures).toEqual([])
  })

  test('that knows another process under the number of this one ends it', async () => {
    await running()
    controller.appear(zeroUuid)
    controller.heartbeatError = ErrorCode.STALE_BROKER_EPOCH
    await pass(2050)
    expect(failures).toEqual([expect.stringMatching(/another process registered as node 4/)])
  })

  test('is told of a failed directory at once; when it cannot be told in time, the broker ends', async () => {
    await running()
    offline = ['BBBBBBBBBBBBBBBBBBBBBA']
    lifecycle.beatSoon()
    await pass(10)
    expect(controller.heartbeats.at(-1)).toMatchObject({ offlineLogDirs: offline })
    controller.isSilent = true
    await pass(40_000)
    expect(failures).toEqual([])
    offline = ['BBBBBBBBBBBBBBBBBBBBBA', 'CCCCCCCCCCCCCCCCCCCCCA']
    lifecycle.beatSoon()
    await pass(31_000)
    expect(failures).toEqual([expect.stringMatching(/a log directory failed/)])
  })
})

describe('a shutdown', () => {
  test('waits until the controller lets the broker go', async () => {
    await running()
    let isDone = false
    const done = lifecycle.shutDown().then(() => (isDone = true))
    await pass(5000)
    expect([isDone, lifecycle.unreadiness]).toEqual([false, 'stopping'])
    expect(controller.heartbeats.at(-1)).toMatchObject({ wantShutDown: true })
    controller.shouldShutDown = true
    await pass(100)
    await done
    const sent = controller.heartbeats.length
    await pass(10_000)
    expect(controller.heartbeats).toHaveLength(sent)
  })

  test('does not wait for a controller that is gone', async () => {
    await running()
    controller.isSilent = true
    const done = lifecycle.shutDown()
    await pass(3500)
    await done
    expect(events.at(-1)).toBe('broker.not-let-go')
  })

  test('waits a second for another controller to be elected', async () => {
    await running()
    controller.isSilent = true
    controller.isLeaderless = true
    let isDone = false
    const done = lifecycle.shutDown().then(() => (isDone = true))
    await pass(900)
    expect(isDone).toBe(false)
    await pass(300)
    await done
  })

  test('ends at once when the node cannot go on', async () => {
    await running()
    const done = lifecycle.shutDown()
    lifecycle.close()
    await done
  })
})
