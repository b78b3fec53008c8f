import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { AddPartitionsToTxn, CreateTopics, DescribeGroups, ErrorCode, Fetch, Produce } from '@millrace/protocol'
import { type Disk, DiskError, type File, metricsOf, metricsText, nodeWorld, silentLogger, type World } from '@millrace/runtime'
import { type Attributes, type Meter, type MeterProvider, metrics, type ObservableCallback } from '@opentelemetry/api'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Broker } from './broker.ts'
import { brokerMetricDeclarations } from './broker-metric-declarations.ts'
import { BrokerMetrics } from './broker-metrics.ts'
import { producedBatch } from './log/testing/log-contents.ts'
import { startNode } from './start-node.ts'
import { RawClient } from './testing/raw-client.ts'

interface Recorded {
  readonly name: string
  readonly value: number
  readonly attributes: Attributes | undefined
}

/** As much of an SDK as the broker's metrics use. */
class RecordingProvider implements MeterProvider {
  readonly declared: { kind: string; name: string; unit: string | undefined; description: string | undefined }[] = []
  readonly recorded: Recorded[] = []
  readonly observers = new Map<ObservableCallback, string>()

  getMeter(): Meter {
    const instrument = (kind: string) => (name: string, options?: { unit?: string; description?: string }) => {
      this.declared.push({ kind, name, unit: options?.unit, description: options?.description })
      const record = (value: number, attributes?: Attributes) => void this.recorded.push({ name, value, attributes })
      return {
        add: record,
        record,
        addCallback: (observe: ObservableCallback) => void this.observers.set(observe, name),
        removeCallback: (observe: ObservableCallback) => void this.observers.delete(observe),
      }
    }
    return {
      createCounter: instrument('counter'),
      createHistogram: instrument('histogram'),
      createObservableGauge: instrument('gauge'),
    } as unknown as Meter
  }

  /** What a collection reads of the gauges. */
  async collect(): Promise<Record<string, number>> {
    const values: Record<string, number> = {}
    for (const [observe, name] of this.observers) await observe({ observe: value => void (values[name] = value) })
    return values
  }

  /** The sum of a metric over the recordings that have exactly these attributes. */
  sum(name: string, attributes?: Attributes): number {
    let sum = 0
    for (const each of this.recorded)
      if (each.name === name && JSON.stringify(each.attributes) === JSON.stringify(attributes)) sum += each.value
    return sum
  }

  of(name: string): Recorded[] {
    return this.recorded.filter(each => each.name === name)
  }
}

let provider: RecordingProvider
beforeEach(() => {
  provider = new RecordingProvider()
  metrics.setGlobalMeterProvider(provider)
})
afterEach(() => metrics.disable())

const readings = {
  connections: () => 1,
  requestMemory: () => 2,
  partitions: () => 3,
  offlinePartitions: () => 4,
  offlineLogDirectories: () => 5,
  replicas: () => 6,
  underReplicatedPartitions: () => 7,
  underMinIsrPartitions: () => 8,
  leaderlessPartitions: () => 9,
  fencedBrokers: () => 10,
  activeControllers: () => 11,
  raftEpoch: () => 12,
  metadataOffset: () => 13,
  atMinIsrPartitions: () => 15,
  replicaLag: () => 16,
  groupLag: () => [[{ group: 'g', topic: 't' }, 17]] as const,
  logSize: () => [[{ topic: 't' }, 14]] as const,
}

describe('the declarations', () => {
  test('are exactly the instruments that are made', () => {
    new BrokerMetrics().observe(1, readings)
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1)
    const declared = brokerMetricDeclarations.map(({ kind, name, unit, description }) => ({ kind, name, unit, description }))
    expect(provider.declared.sort(byName)).toEqual(declared.sort(byName))
  })

  test("are the README's table", () => {
    const readme = fs.readFileSync(new URL('../README.md', import.meta.url), 'utf8')
    const rows = readme.split('\n').filter(line => /^\| `millrace\.(broker|controller|cluster|raft|metadata)\./.test(line))
    expect(rows).toEqual(
      brokerMetricDeclarations.map(({ kind, name, unit, attributes, description }) => {
        const names = attributes.map(attribute => `\`${attribute}\``).join(', ')
        return `| \`${name}\` | ${kind}, ${unit} | ${names === '' ? '–' : names} | ${description} |`
      }),
    )
  })
})

describe('recording', () => {
  const api = { key: 12, name: 'Heartbeat' }

  test('requests that come to the same hand over one frozen object of attributes', () => {
    const broker = new BrokerMetrics(metricsOf('test', '1'))
    for (let i = 0; i < 2; i++) {
      broker.answered(api, ErrorCode.NONE, 7)
      broker.answered(api, ErrorCode.UNKNOWN_MEMBER_ID, 7)
      broker.received(1)
      broker.ofTopic('t').fetched(1)
    }
    const [ok, failed, okAgain, failedAgain] = provider.of('millrace.broker.requests').map(({ attributes }) => attributes)
    expect([ok, failed]).toEqual([{ api: 'Heartbeat' }, { api: 'Heartbeat', 'error.type': 'UNKNOWN_MEMBER_ID' }])
    expect(okAgain).toBe(ok)
    expect(failedAgain).toBe(failed)
    for (const { attributes } of provider.recorded) expect(Object.isFrozen(attributes)).toBe(true)
    expect(provider.sum('millrace.broker.request.duration', { api: 'Heartbeat' })).toBe(28)
  })

  test('gauges are read at collections until observing is stopped', async () => {
    const stop = new BrokerMetrics().observe(1, readings)
    expect(Object.values(await provider.collect()).sort((a, b) => a - b)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
    ])
    stop()
    expect(await provider.collect()).toEqual({})
  })

  test('what was counted can be read back; topics that are gone can not', () => {
    const broker = new BrokerMetrics()
    broker.answered(api, ErrorCode.NONE, 7)
    broker.isrShrunk()
    broker.leaderElected('unclean')
    for (const topic of ['gone', 'there']) broker.ofTopic(topic).appended({ sizeInBytes: 70, recordCount: 3 })
    broker.keepTopics(topic => topic === 'there')
    const text = metricsText(broker.families())
    expect(text).toContain('\nmillrace_broker_requests_total{api="Heartbeat"} 1\n')
    expect(text).toContain('\nmillrace_broker_request_duration_seconds_count{api="Heartbeat"} 1\n')
    expect(text).toContain('\nmillrace_broker_isr_shrinks_total 1\n')
    expect(text).toContain('\nmillrace_controller_elections_total{election_type="unclean"} 1\n')
    expect(text).toContain('\nmillrace_broker_log_append_bytes_total{topic="there"} 70\n')
    expect(text).not.toContain('topic="gone"')
  })

  test('without an SDK everything may be called', () => {
    metrics.disable()
    const broker = new BrokerMetrics()
    broker.answered(api, ErrorCode.NONE, 1)
    broker.ofTopic('t').appended({ sizeInBytes: 1, recordCount: 1 })
    broker.observe(1, readings)()
    expect(provider.recorded).toEqual([])
  })
})

describe('a running broker', () => {
  let directory: string
  let broker: Broker
  let client: RawClient
  let diskFails = false

  beforeEach(async () => {
    diskFails = false
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-broker-metrics-'))
    const world = worldWhoseLogsFail(() => diskFails)
    const dataDirectory = `${directory}/data`
    // Without its last directory, or that of the metadata, a node ends.
    const properties = new Map([
      ['log.dirs', [1, 2].map(number => `${dataDirectory}/${number}`).join(',')],
      ['metadata.log.dir', dataDirectory],
    ])
    broker = await startNode({ world, dataDirectory, port: 0, logger: silentLogger, properties })
    client = await RawClient.connect(world, broker.listeners[0]!.port)
    const topic = { name: 't', numPartitions: 2, replicationFactor: 1 }
    await client.request(CreateTopics, 7, { timeoutMs: 5000, topics: [topic] })
  })
  afterEach(async () => {
    client.close()
    await broker.close()
    fs.rmSync(directory, { recursive: true })
  })

  const produce = (records: Uint8Array, { acks = -1, index = 0 } = {}) =>
    client.request(Produce, 9, {
      acks,
      timeoutMs: 5000,
      topicData: [{ name: 't', partitionData: [{ index, records }] }],
    })

  test('counts what is appended and fetched per topic, in batches', async () => {
    const batch = producedBatch('a', 'b', 'c')
    await produce(batch)
    await client.request(Fetch, 12, {
      maxWaitMs: 0,
      maxBytes: 1_000_000,
      topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 100_000 }] }],
    })
    expect(provider.of('millrace.broker.log.append.records')).toEqual([
      { name: 'millrace.broker.log.append.records', value: 3, attributes: { topic: 't' } },
    ])
    expect(provider.sum('millrace.broker.log.append.bytes', { topic: 't' })).toBe(batch.length)
    expect(provider.sum('millrace.broker.fetch.bytes', { topic: 't' })).toBe(batch.length)
  })

  test('counts and times each request once, and the bytes of both directions', async () => {
    await produce(producedBatch('a'))
    await produce(producedBatch('b'))
    expect(provider.sum('millrace.broker.requests', { api: 'Produce' })).toBe(2)
    const durations = provider.of('millrace.broker.request.duration')
    expect(durations.filter(({ attributes }) => attributes?.api === 'Produce').length).toBe(2)
    expect(durations.every(({ value }) => value >= 0)).toBe(true)
    const received = provider.sum('millrace.broker.network.io', { 'network.io.direction': 'receive' })
    const before = provider.sum('millrace.broker.network.io', { 'network.io.direction': 'transmit' })
    const response = await client.request(DescribeGroups, 5, { groups: [] })
    expect(response.groups).toEqual([])
    expect(provider.sum('millrace.broker.network.io', { 'network.io.direction': 'receive' })).toBeGreaterThan(received)
    expect(provider.sum('millrace.broker.network.io', { 'network.io.direction': 'transmit' })).toBeGreaterThan(before)
  })

  test('counts partitions that are refused by their error', async () => {
    await produce(producedBatch('a'), { index: 9 })
    expect(provider.of('millrace.broker.partition.errors')).toEqual([
      {
        name: 'millrace.broker.partition.errors',
        value: 1,
        attributes: { api: 'Produce', 'error.type': 'UNKNOWN_TOPIC_OR_PARTITION' },
      },
    ])
    expect(provider.sum('millrace.broker.requests', { api: 'Produce' })).toBe(1)
  })

  test('counts a request that closes its connection, and not as answered', async () => {
    const other = await RawClient.connect(nodeWorld(), broker.listeners[0]!.port)
    await expect(other.request(AddPartitionsToTxn, 3, {})).rejects.toThrow('closed')
    expect(provider.sum('millrace.broker.requests.refused')).toBe(1)
    expect(provider.sum('millrace.broker.requests', { api: 'AddPartitionsToTxn' })).toBe(0)
  })

  test('the gauges show connections, partitions and, after a disk failure, what is off line; none is left after the close', async () => {
    expect(await provider.collect()).toMatchObject({
      'millrace.broker.connections': 1,
      'millrace.broker.request.memory': 0,
      'millrace.broker.partitions': 2,
      'millrace.broker.partitions.offline': 0,
      'millrace.broker.log.directories.offline': 0,
    })
    diskFails = true
    const { responses } = await produce(producedBatch('a'))
    expect(responses[0]!.partitionResponses[0]!.errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
    expect(await provider.collect()).toMatchObject({
      'millrace.broker.partitions': 1,
      'millrace.broker.partitions.offline': 1,
      'millrace.broker.log.directories.offline': 1,
    })
    await broker.close()
    expect(provider.observers.size).toBe(0)
  })
})

/** Node's World, but for writes to the partitions of topic `t`. */
function worldWhoseLogsFail(isFailing: () => boolean): World {
  const { disk, ...world } = nodeWorld()
  const open = (path: string, mode: 'read' | 'write'): File =>
    new Proxy(disk.open(path, mode), {
      get(target, name) {
        if (name === 'write' && path.includes('/t-') && isFailing())
          return () => {
            throw new DiskError('EIO', path)
          }
        const value = Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  const failing: Disk = new Proxy(disk, {
    get(target, name) {
      if (name === 'open') return open
      const value = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return { ...world, disk: failing }
}
