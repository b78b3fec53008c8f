import { BatchBuilder, ErrorCode } from '@millrace/protocol'
import { silentLogger } from '@millrace/runtime'
import { SimulatedUniverse } from '@millrace/testkit'
import { expect, test } from 'vitest'
import { BrokerMetrics } from '../broker-metrics.ts'
import type { Log } from '../log/log.ts'
import { defaultLogConfig } from '../log/log-config.ts'
import { LogManager } from '../log/log-manager.ts'
import { contentsOf } from '../log/testing/log-contents.ts'
import type { Leader } from '../partition/leader.ts'
import { Partitions } from '../partition/partitions.ts'
import { lenientRules } from '../partition/testing/lenient-rules.ts'
import { partitionOf } from '../partition/testing/partition-metadata.ts'
import { TestEnvironment } from '../partition/testing/test-environment.ts'
import type { MetadataView, TopicMetadata } from '../services.ts'
import { LogMoves } from './log-moves.ts'

const topicId = 'dDAAAAAAAAAAAAAAAAAAAA'
const topic: TopicMetadata = {
  name: 't',
  topicId,
  partitions: [partitionOf({ leaderEpoch: 3, directories: ['id-of-a'] })],
}
const metadata = { topic: () => topic, topics: () => [topic], subscribe: () => () => {} } as unknown as MetadataView
function setUp(universe = new SimulatedUniverse(1), maxBytesPerSecond = Number.MAX_SAFE_INTEGER) {
  const world = universe.machine('broker').boot()
  for (const path of ['/a', '/b']) world.disk.makeDirectory(path)
  const logs = new LogManager({
    world,
    logger: silentLogger,
    directories: ['/a', '/b'],
    configOf: () => ({ ...defaultLogConfig, segmentBytes: 3000 }),
  })
  const environment = new TestEnvironment()
  const partitions = new Partitions({
    world,
    logger: silentLogger,
    metrics: new BrokerMetrics(),
    environment,
    metadata,
    logs: Object.assign(logs, {
      directoryIdOf: () => (logs.directoryOf({ topic: 't', partition: 0 }) === '/a' ? 'id-of-a' : 'id-of-b'),
    }),
    rulesOf: () => lenientRules,
  })
  const moves = new LogMoves({ world, logger: silentLogger, logs, partitions, maxBytesPerSecond: () => maxBytesPerSecond })
  const leader = partitions.leader('t', 0) as Leader
  const run = (done: () => boolean) => universe.scheduler.run({ done, untilMs: universe.scheduler.nowMs + 60_000 })
  return { universe, world, logs, partitions, moves, leader, environment, run }
}

function append(leader: Leader, sequence: number) {
  const builder = new BatchBuilder({ maxBytes: 1 << 16, producerId: 5, producerEpoch: 0, baseSequence: sequence })
  builder.append(1000, null, `value ${sequence}`)
  return leader.append(builder.build(), { acks: -1, apiVersion: 12 })
}

test('a log moves while it is written to, and its producers and readers notice nothing', async () => {
  const { world, logs, moves, leader, environment, run } = setUp()
  for (let i = 0; i < 100; i++) append(leader, i)
  await run(() => leader.highWatermark === 100)
  leader.deleteRecordsBefore(7)
  expect(moves.start('t', 0, '/b')).toBe(ErrorCode.NONE)
  let sent = 100
  const heard: number[] = []
  for (; sent < 140; sent++) {
    leader.whenReplicated(append(leader, sent).nextOffset, code => heard.push(code))
    await run(() => true)
  }
  expect(await run(() => logs.directoryOf(leader) === '/b' && heard.length === 40)).toBe(true)
  expect(heard).toEqual(Array(40).fill(0))
  expect(append(leader, sent).baseOffset).toBe(140)
  expect(append(leader, sent)).toMatchObject({ errorCode: 0, baseOffset: 140 })
  await run(() => leader.highWatermark === 141)
  const log = logs.log('t', 0)!
  expect(leader.log).toBe(log)
  expect(log.logStartOffset).toBe(7)
  expect(contentsOf(log)).toEqual(Array.from({ length: 134 }, (_, i) => [i + 7, `value ${i + 7}`]))
  expect(log.endOfEpoch(3)).toEqual({ epoch: 3, endOffset: 141 })
  expect(environment.placements).toEqual([`${topicId}/0 id-of-b`])
  expect(world.disk.list('/b').filter(name => name.startsWith('t-0'))).toEqual(['t-0'])
  expect(world.disk.list('/a').filter(name => name === 't-0')).toEqual([])
})

test('a process that dies in a move starts it anew, and what was acknowledged is there', async () => {
  const universe = new SimulatedUniverse(2)
  const first = setUp(universe, 1000)
  for (let i = 0; i < 60; i++) append(first.leader, i)
  await first.run(() => first.leader.highWatermark === 60)
  first.moves.start('t', 0, '/b')
  await universe.scheduler.run({ untilMs: universe.scheduler.nowMs + 10 })
  expect(first.logs.directoryOf(first.leader)).toBe('/a')
  universe.machine('broker').kill()
  const second = setUp(universe)
  expect(await second.run(() => second.logs.directoryOf(second.leader) === '/b')).toBe(true)
  expect(contentsOf(second.leader.log as Log)).toHaveLength(60)
})

test('a directory that is not there, and a partition that is not here yet, are answered so', () => {
  const { logs, moves, world } = setUp()
  expect(moves.start('t', 0, '/c')).toBe(ErrorCode.LOG_DIR_NOT_FOUND)
  expect(moves.start('t', 0, '/a')).toBe(ErrorCode.NONE)
  expect(moves.start('u', 4, '/b')).toBe(ErrorCode.REPLICA_NOT_AVAILABLE)
  logs.open({ topic: 'u', topicId, partition: 4 }, true)
  expect(world.disk.list('/b')).toContain('u-4')
})
