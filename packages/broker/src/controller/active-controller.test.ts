import {
  type Api,
  BrokerHeartbeat,
  BrokerRegistration,
  CreateTopics,
  ErrorCode,
  IncrementalAlterConfigs,
  ListGroups,
} from '@millrace/protocol'
import { seededRandom } from '@millrace/protocol/internal'
import { type Facts, silentLogger, type World } from '@millrace/runtime'
import { describe, expect, test } from 'vitest'
import { readBrokerConfig } from '../config/broker-config.ts'
import { clusterId, controllerProperties, directoryOf } from '../testing/controller-scenario.ts'
import { VirtualClock } from '../testing/group-scenario.ts'
import { ActiveController } from './active-controller.ts'
import { supportedFeatures } from './features.ts'
import { MetadataImage } from './image.ts'
import { bootstrapRecords } from './initial-levels.ts'
import type { MetadataRecord } from './metadata-record.ts'

/** A log that commits when the test says so, and the committed image that follows it. */
class TestLog {
  readonly appends: (readonly MetadataRecord[])[] = []
  readonly image = new MetadataImage()
  #kraftVersion = 0
  readonly kraftVersion = () => this.#kraftVersion
  readonly whyNoKraftVersion = () => null
  logEndOffset = 0
  commitsAtOnce = true
  refuses = false
  #applied = 0
  #waiting: { readonly position: number; readonly done: (error?: Error) => void }[] = []

  append(records: readonly MetadataRecord[]): number {
    if (this.refuses) throw new Error('this node does not lead')
    if (records.length > 0) this.appends.push(records)
    this.logEndOffset += records.length
    return this.logEndOffset
  }

  upgradeKraftVersion(level: number): void {
    this.#kraftVersion = level
    this.logEndOffset += 2
  }

  whenCommitted(position: number, done: (error?: Error) => void): void {
    this.#waiting.push({ position, done })
    if (this.commitsAtOnce) this.commit()
  }

  commit(): void {
    for (; this.#applied < this.appends.length; this.#applied++)
      for (const record of this.appends[this.#applied]!) this.image.apply(record)
    this.image.seal()
    for (const { done } of this.#waiting.splice(0)) done()
  }

  lose(): void {
    for (const { done } of this.#waiting.splice(0)) done(new Error('another leads'))
  }

  types(): string[] {
    return this.appends.flat().map(({ type }) => type)
  }
}

function nodeOf(given: Record<string, string> = {}) {
  const clock = new VirtualClock()
  const { below } = seededRandom(3)
  const bytes = (length: number) => Uint8Array.from({ length }, () => below(256))
  const log = new TestLog()
  const failures: Error[] = []
  const lines: string[] = []
  const write = (event: string, facts: Facts = {}) =>
    lines.push([event, ...Object.entries(facts).map(([key, value]) => `${key}=${value}`)].join(' '))
  const logger = { info: write, warn: write, error: write }
  const config = readBrokerConfig(
    new Map(Object.entries({ ...controllerProperties, 'metadata.max.idle.interval.ms': '0', ...given })),
    silentLogger,
  )
  const activate = () =>
    new ActiveController({
      world: { clock, random: { below, float: () => 0, bytes } } as unknown as World,
      logger,
      config,
      nodeId: 1,
      clusterId,
      log,
      view: log,
      epoch: 1,
      bootstrap: bootstrapRecords,
      failed: error => failures.push(error),
    })
  return { clock, log, failures, lines, activate }
}

type Node = ReturnType<typeof nodeOf>

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 0,
    error => error.errorCode,
  )

const ask = <Request, Response>(controller: ActiveController, api: Api<Request, Response>, request: Request) =>
  controller.request(api, api.versions!.max, request)

const heartbeat = (controller: ActiveController, { log }: Node, brokerId: number) =>
  ask(controller, BrokerHeartbeat, {
    brokerId,
    brokerEpoch: log.image.broker(brokerId)!.epoch,
    currentMetadataOffset: log.logEndOffset,
    wantFence: false,
    wantShutDown: false,
    offlineLogDirs: [],
    cordonedLogDirs: null,
  })

const registrationOf = (brokerId: number) => ({
  brokerId,
  clusterId,
  incarnationId: directoryOf(brokerId, 9),
  listeners: [],
  features: supportedFeatures,
  rack: null,
  isMigratingZkBroker: false,
  logDirs: [directoryOf(brokerId)],
  previousBrokerEpoch: -1,
})

async function join(controller: ActiveController, node: Node, ...brokerIds: number[]) {
  for (const brokerId of brokerIds) {
    const { errorCode } = await ask(controller, BrokerRegistration, registrationOf(brokerId))
    expect(errorCode).toBe(0)
    await heartbeat(controller, node, brokerId)
  }
}

const createTopic = (controller: ActiveController, name: string, more: object = {}) => {
  const topic = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [], ...more }
  return ask(controller, CreateTopics, { topics: [topic], timeoutMs: 0, validateOnly: false })
}

const onBrokers = (brokerIds: number[]) => ({
  numPartitions: -1,
  replicationFactor: -1,
  assignments: [{ partitionIndex: 0, brokerIds }],
})

describe('an active controller', () => {
  test('writes the first records of a cluster once', async () => {
    const node = nodeOf()
    await node.activate().start()
    expect(node.log.appends[0]!.slice(0, -1)).toEqual(bootstrapRecords())
    expect(node.log.image.dynamicConfig(4, '').get('min.insync.replicas')).toBe('1')
    await node.activate().start()
    expect(node.log.appends).toHaveLength(1)
  })

  test('ends a transaction that the one before left open', async () => {
    const node = nodeOf()
    await node.activate().start()
    node.log.append([{ type: 'BeginTransactionRecord', value: { name: 't' } }])
    node.log.commit()
    const next = node.activate()
    await next.start()
    expect(node.log.types().at(-1)).toBe('AbortTransactionRecord')
    expect(node.log.image.inTransaction).toBe(false)
  })

  test('refuses a cluster whose features it does not know', async () => {
    const node = nodeOf()
    node.log.append([{ type: 'FeatureLevelRecord', value: { name: 'metadata.version', featureLevel: 3 } }])
    node.log.commit()
    await expect(node.activate().start()).rejects.toMatchObject({ code: 'UNSUPPORTED_FEATURE' })
  })

  test('answers when its records are committed, and not before', async () => {
    const node = nodeOf()
    const controller = node.activate()
    await controller.start()
    await join(controller, node, 1)
    node.log.commitsAtOnce = false
    let answered = false
    const created = createTopic(controller, 't').then(() => (answered = true))
    const again = createTopic(controller, 't')
    await Promise.resolve()
    expect(answered).toBe(false)
    node.log.commit()
    await created
    expect((await again).topics[0]!.errorCode).toBe(ErrorCode.TOPIC_ALREADY_EXISTS)
  })

  test('tells the operator of brokers that come, go and are refused', async () => {
    const node = nodeOf()
    const controller = node.activate()
    await controller.start()
    await join(controller, node, 1)
    const { epoch } = node.log.image.broker(1)!
    const second = { ...registrationOf(1), incarnationId: directoryOf(1, 8) }
    expect((await ask(controller, BrokerRegistration, second)).errorCode).toBe(ErrorCode.DUPLICATE_BROKER_REGISTRATION)
    await heartbeat(controller, node, 1)
    expect(node.lines.filter(line => !line.startsWith('controller.active'))).toEqual([
      `controller.broker-registered brokerId=1 epoch=${epoch} incarnationId=${directoryOf(1, 9)} unclean=false`,
      'controller.broker-unfenced brokerId=1 partitions=0',
      'controller.registration-refused brokerId=1 error=DUPLICATE_BROKER_REGISTRATION why=Another process is registered as broker 1 and alive.',
    ])
  })

  test('that is stopped answers NOT_CONTROLLER to all that wait and all that come', async () => {
    const node = nodeOf()
    const controller = node.activate()
    await controller.start()
    await join(controller, node, 1)
    node.log.commitsAtOnce = false
    const waiting = codeOf(createTopic(controller, 't'))
    controller.stop()
    expect(await waiting).toBe(ErrorCode.NOT_CONTROLLER)
    expect(await codeOf(createTopic(controller, 'u'))).toBe(ErrorCode.NOT_CONTROLLER)
    node.log.commit()
    expect(node.failures).toEqual([])
  })

  test.each(['refuses an append', 'loses an append'])('whose log %s is the controller no longer, and says so once', async how => {
    const node = nodeOf()
    const controller = node.activate()
    await controller.start()
    await join(controller, node, 1)
    node.log.refuses = how === 'refuses an append'
    node.log.commitsAtOnce = false
    const waiting = codeOf(createTopic(controller, 't'))
    node.log.lose()
    expect(await waiting).toBe(ErrorCode.NOT_CONTROLLER)
    expect(await codeOf(createTopic(controller, 'u'))).toBe(ErrorCode.NOT_CONTROLLER)
    expect(node.failures).toHaveLength(1)
  })

  test('refuses what is not for the controller, and survives a request that it cannot decide', async () => {
    const node = nodeOf()
    const controller = node.activate()
    await controller.start()
    await join(controller, node, 1)
    expect(await codeOf(ask(controller, ListGroups, { statesFilter: [], typesFilter: [] }))).toBe(ErrorCode.UNSUPPORTED_VERSION)
    expect(await codeOf(ask(controller, CreateTopics, {} as never))).toBe(ErrorCode.UNKNOWN_SERVER_ERROR)
    expect((await createTopic(controller, 't')).topics[0]!.errorCode).toBe(0)
  })

  test('parts a change of more records than one atomic change may have', async () => {
    const node = nodeOf()
    const controller = node.activate()
    await controller.start()
    await join(controller, node, 1, 2)
    for (const name of ['a', 'b']) await createTopic(controller, name, { numPartitions: 6000, replicationFactor: 2 })
    const before = node.log.appends.length
    node.clock.pass(5000)
    await heartbeat(controller, node, 1)
    node.clock.pass(5000)
    expect(node.log.appends.slice(before).map(records => records.length)).toEqual([10_000, 2001])
    expect(node.log.image.broker(2)!.fenced).toBe(true)
  })
})

describe('by itself an active controller', () => {
  test('fences a broker whose session is over, and no other', async () => {
    const node = nodeOf()
    const controller = node.activate()
    await controller.start()
    await join(controller, node, 1, 2)
    await createTopic(controller, 't', onBrokers([1, 2]))
    node.clock.pass(8000)
    await heartbeat(controller, node, 2)
    node.clock.pass(999)
    expect(node.log.image.broker(1)!.fenced).toBe(false)
    node.clock.pass(1)
    expect([node.log.image.broker(1)!.fenced, node.log.image.broker(2)!.fenced]).toEqual([true, false])
    expect(node.log.image.topic('t')!.partitions[0]).toMatchObject({ leader: 2, isr: [2] })
  })

  test('grants every broker a whole session when it begins', async () => {
    const node = nodeOf()
    const first = node.activate()
    await first.start()
    await join(first, node, 1)
    node.clock.pass(8000)
    first.stop()
    const second = node.activate()
    await second.start()
    node.clock.pass(8999)
    expect(node.log.image.broker(1)!.fenced).toBe(false)
    node.clock.pass(1)
    expect(node.log.image.broker(1)!.fenced).toBe(true)
  })

  test.each([true, false])('gives preferred replicas the lead back where auto.leader.rebalance.enable is %s', async enabled => {
    const node = nodeOf({
      'auto.leader.rebalance.enable': String(enabled),
      'leader.imbalance.check.interval.seconds': '20',
      'broker.session.timeout.ms': '60000',
    })
    const controller = node.activate()
    await controller.start()
    await join(controller, node, 1, 2)
    await createTopic(controller, 't', onBrokers([1, 2]))
    const topicId = node.log.image.topic('t')!.topicId
    controller.stop()
    const moved = { topicId, partitionId: 0, leader: 2 }
    node.log.append([
      {
        type: 'PartitionChangeRecord',
        value: {
          isr: null,
          replicas: null,
          removingReplicas: null,
          addingReplicas: null,
          leaderRecoveryState: -1,
          directories: null,
          eligibleLeaderReplicas: null,
          lastKnownElr: null,
          ...moved,
        },
      },
    ])
    node.log.commit()
    await node.activate().start()
    node.clock.pass(19_999)
    expect(node.log.image.topic('t')!.partitions[0]!.leader).toBe(2)
    node.clock.pass(1)
    expect(node.log.image.topic('t')!.partitions[0]!.leader).toBe(enabled ? 1 : 2)
  })

  test('elects a replica that is not in sync as soon as that is allowed', async () => {
    const node = nodeOf()
    const controller = node.activate()
    await controller.start()
    await join(controller, node, 1, 2)
    await createTopic(controller, 't', onBrokers([1, 2]))
    node.clock.pass(5000)
    await heartbeat(controller, node, 1)
    node.clock.pass(5000)
    await heartbeat(controller, node, 2)
    node.clock.pass(4000)
    expect(node.log.image.topic('t')!.partitions[0]).toMatchObject({ leader: -1, isr: [] })
    await ask(controller, IncrementalAlterConfigs, {
      resources: [
        {
          resourceType: 2,
          resourceName: 't',
          configs: [{ name: 'unclean.leader.election.enable', configOperation: 0, value: 'true' }],
        },
      ],
      validateOnly: false,
    })
    expect(node.log.image.topic('t')!.partitions[0]).toMatchObject({ leader: 2, isr: [2], leaderRecoveryState: 1 })
  })

  test('writes a record without content when it wrote nothing for metadata.max.idle.interval.ms', async () => {
    const node = nodeOf({ 'metadata.max.idle.interval.ms': '500' })
    const controller = node.activate()
    await controller.start()
    node.clock.pass(500)
    expect(node.log.types().filter(type => type === 'NoOpRecord')).toHaveLength(1)
    node.clock.pass(1000)
    expect(node.log.types().filter(type => type === 'NoOpRecord')).toHaveLength(3)
    controller.stop()
    expect(node.clock.pending).toBe(0)
  })
})
