import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { DiskError, type Logger, nodeWorld, silentLogger, type World } from '@millrace/runtime'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { defaultLogConfig } from './log-config.ts'
import { LogManager, type LogManagerOptions } from './log-manager.ts'
import { contentsOf, fill } from './testing/log-contents.ts'

const idA = 'g-HqOjpDRLSw1H0WNX9e5A'
const idB = 'AAAAAAAAAAAAAAAAAAAAAQ'
let root: string
const managers: LogManager[] = []

beforeEach(() => {
  root = mkdtempSync(`${tmpdir()}/broker-log-`)
})
afterEach(() => {
  for (const manager of managers.splice(0)) manager.abandon()
  rmSync(root, { recursive: true, force: true })
})

function open(options: Partial<LogManagerOptions> = {}): LogManager {
  const manager = new LogManager({
    world: nodeWorld(),
    logger: silentLogger,
    directories: [`${root}/a`, `${root}/b`],
    configOf: () => ({ ...defaultLogConfig, segmentBytes: 2000 }),
    ...options,
  })
  managers.push(manager)
  return manager
}

const events = (partition: number, topicId = idA) => ({ topic: 'events', partition, topicId })
const textOf = (path: string) => readFileSync(`${root}/${path}`, 'utf8')

describe('the logs of a broker', () => {
  test('are spread over the directories and come back after a clean stop, with all that is known of them', async () => {
    const first = open()
    for (let partition = 0; partition < 6; partition++) fill(first.open(events(partition)), 10 + partition)
    const log = first.open(events(5))
    log.highWatermark = 40
    log.deleteBefore(7)
    expect(readdirSync(`${root}/a`).filter(name => name.startsWith('events'))).toHaveLength(3)
    await first.close(88)
    expect(textOf('a/.kafka_cleanshutdown')).toBe('{"version":0,"brokerEpoch":88}')
    expect(textOf('b/log-start-offset-checkpoint')).toBe('0\n1\nevents 5 7\n')
    expect(textOf('b/replication-offset-checkpoint')).toContain('events 5 40\n')
    expect(textOf('b/recovery-point-offset-checkpoint')).toContain('events 5 45\n')

    const second = open()
    expect(existsSync(`${root}/a/.kafka_cleanshutdown`)).toBe(false)
    expect(second.previousBrokerEpoch).toBe(88)
    expect([...second.logs()]).toHaveLength(6)
    const again = second.open(events(5))
    expect([again.logStartOffset, again.logEndOffset, again.highWatermark, again.topicId]).toEqual([7, 45, 40, idA])
    expect(second.highWatermarkOf(events(5))).toBe(40)
  })

  test('come back after a kill', () => {
    const first = open()
    const wrote = fill(first.open(events(0)), 50)
    first.abandon()
    const second = open()
    expect(second.previousBrokerEpoch).toBe(-1)
    expect(contentsOf(second.open(events(0)))).toEqual(wrote)
  })

  test('of another topic of the same name are set aside', () => {
    const manager = open()
    fill(manager.open(events(0)), 3)
    const log = manager.open(events(0, idB))
    expect([log.logEndOffset, log.topicId]).toEqual([0, idB])
    expect(
      readdirSync(`${root}/a`)
        .concat(readdirSync(`${root}/b`))
        .filter(name => name.endsWith('-stray')),
    ).toHaveLength(1)
  })

  test('that no topic owns are set aside when told', () => {
    const manager = open()
    manager.open(events(0))
    manager.open(events(1))
    manager.setAsideStrays(log => log.partition === 1)
    expect([...manager.logs()].map(log => log.partition)).toEqual([1])
    manager.abandon()
    expect([...open().logs()]).toHaveLength(1)
  })

  test('that are deleted are gone, also after a kill, and one of the same name starts empty', async () => {
    const manager = open({ directories: [`${root}/a`] })
    const log = manager.open(events(0))
    fill(log, 20)
    await log.flush()
    await manager.checkpointRecoveryPoints()
    expect(textOf('a/recovery-point-offset-checkpoint')).toBe('0\n1\nevents 0 60\n')
    manager.remove(events(0))
    expect(manager.log('events', 0)).toBeUndefined()
    const fresh = manager.open(events(0, idB))
    expect(fresh.logEndOffset).toBe(0)
    expect(textOf('a/recovery-point-offset-checkpoint')).not.toContain('events 0 60')
    fill(fresh, 2)
    manager.abandon()
    const again = open({ directories: [`${root}/a`] })
    expect(again.open(events(0, idB)).logEndOffset).toBe(6)
    expect(readdirSync(`${root}/a`).filter(name => name.endsWith('-delete'))).toEqual([])
  })

  test('leave foreign directories and the metadata log alone', () => {
    for (const name of ['__cluster_metadata-0', 'lost+found', 'events-0-future', 'notes'])
      mkdirSync(`${root}/a/${name}`, { recursive: true })
    const manager = open()
    expect([...manager.logs()]).toEqual([])
    expect(readdirSync(`${root}/a`)).toHaveLength(4)
  })

  test('with an unreadable checkpoint are opened with a warning', () => {
    const first = open({ directories: [`${root}/a`] })
    const wrote = fill(first.open(events(0)), 5)
    first.abandon()
    writeFileSync(`${root}/a/recovery-point-offset-checkpoint`, 'rubbish\n')
    const warnings: string[] = []
    const second = open({ directories: [`${root}/a`], logger: { ...silentLogger, warn: event => warnings.push(event) } })
    expect(warnings).toContain('log-directory.checkpoint-unreadable')
    expect(contentsOf(second.open(events(0)))).toEqual(wrote)
  })
})

describe('a damaged log', () => {
  test('is refused alone, keeps its checkpoint and is looked at again after a clean stop', async () => {
    const first = open({ directories: [`${root}/a`] })
    for (const partition of [0, 1]) {
      fill(first.open(events(partition)), 5)
      await first.open(events(partition)).flush()
    }
    await first.checkpointRecoveryPoints()
    first.abandon()
    const path = `${root}/a/events-0/00000000000000000000.log`
    const bytes = readFileSync(path)
    bytes[100]! ^= 1
    writeFileSync(path, bytes)
    for (let start = 0; start < 2; start++) {
      const manager = open({ directories: [`${root}/a`] })
      expect(() => manager.open(events(0))).toThrow(expect.objectContaining({ code: 'CORRUPT_LOG' }))
      expect(manager.open(events(1)).logEndOffset).toBe(15)
      await manager.close()
      expect(textOf('a/recovery-point-offset-checkpoint')).toContain('events 0 15\n')
      expect(existsSync(`${root}/a/.kafka_cleanshutdown`)).toBe(false)
    }
  })
})

describe('a directory whose disk fails', () => {
  test('goes off line with one line in the log; the other one goes on', async () => {
    let failing = false
    const real = nodeWorld()
    const world: World = {
      ...real,
      disk: {
        ...real.disk,
        open: (path, mode) => {
          const file = real.disk.open(path, mode)
          const write = file.write.bind(file)
          file.write = (chunks, position) => {
            if (failing && path.startsWith(`${root}/a/`)) throw new DiskError('ENOSPC', path)
            write(chunks, position)
          }
          return file
        },
      },
    }
    const errors: string[] = []
    const logger: Logger = { ...silentLogger, error: event => errors.push(event) }
    const failed: string[] = []
    const manager = open({ world, logger, onDirectoryFailed: path => failed.push(path) })
    const logs = [0, 1, 2, 3].map(partition => manager.open(events(partition)))
    for (const log of logs) fill(log, 2)
    const [bad, alsoBad] = logs.filter(log => log.directory.startsWith(`${root}/a/`))
    const good = logs.filter(log => log.directory.startsWith(`${root}/b/`))
    failing = true
    expect(() => fill(bad!, 1)).toThrow(expect.objectContaining({ code: 'ENOSPC' }))
    expect(() => fill(alsoBad!, 1)).toThrow(expect.objectContaining({ code: 'ENOSPC' }))
    expect(contentsOf(alsoBad!)).toHaveLength(6)
    for (const log of good) expect(fill(log, 1)).toHaveLength(3)
    expect(manager.open(events(9), true).directory).toContain(`${root}/b/`)
    expect([failed, errors, manager.offlineDirectories]).toEqual([[`${root}/a`], ['log-directory.offline'], [`${root}/a`]])
    await manager.close()
    expect(existsSync(`${root}/a/.kafka_cleanshutdown`)).toBe(false)
    expect(existsSync(`${root}/b/.kafka_cleanshutdown`)).toBe(true)
  })

  test('at the start is off line from the start', () => {
    const real = nodeWorld()
    const list = (path: string) => {
      if (path === `${root}/a`) throw new DiskError('EIO', path)
      return real.disk.list(path)
    }
    const manager = open({ world: { ...real, disk: { ...real.disk, list } } })
    expect(manager.offlineDirectories).toEqual([`${root}/a`])
    expect(manager.open(events(0), true).directory).toBe(`${root}/b/events-0`)
  })

  test('may hold the log of a partition that is not new: no empty one takes its place', () => {
    const real = nodeWorld()
    const first = open()
    for (const partition of [0, 1]) fill(first.open(events(partition)), 2)
    first.abandon()
    const list = (path: string) => {
      if (path === `${root}/a`) throw new DiskError('EIO', path)
      return real.disk.list(path)
    }
    const manager = open({ world: { ...real, disk: { ...real.disk, list } } })
    expect(contentsOf(manager.open(events(1)))).toHaveLength(6)
    expect(() => manager.open(events(0))).toThrow(expect.objectContaining({ code: 'EIO' }))
    expect(existsSync(`${root}/b/events-0`)).toBe(false)
    expect(contentsOf(open().open(events(0)))).toHaveLength(6)
  })
})

test('the background work runs on the clock: retention, checkpoints, tidying', async () => {
  const real = nodeWorld()
  const timers: { delayMs: number; fire: () => void }[] = []
  const clock = {
    ...real.clock,
    timer: (delayMs: number, fire: () => void) => ({ cancel: () => {}, x: timers.push({ delayMs, fire }) }),
  }
  const manager = open({
    world: { ...real, clock },
    directories: [`${root}/a`],
    configOf: () => ({ ...defaultLogConfig, segmentBytes: 2000, retentionMs: 1000 }),
  })
  manager.start()
  const log = manager.open(events(0))
  fill(log, 100)
  log.highWatermark = log.logEndOffset
  await log.flush()
  expect(timers.map(({ delayMs }) => delayMs).sort((a, b) => a - b)).toEqual([5000, 30_000, 30_000, 30_000, 30_000])
  for (const { fire } of timers.splice(0)) fire()
  for (let i = 0; i < 100 && !existsSync(`${root}/a/recovery-point-offset-checkpoint`); i++)
    await new Promise<void>(resolve => void real.clock.timer(2, resolve))
  expect(log.logStartOffset).toBe(300)
  expect(textOf('a/recovery-point-offset-checkpoint')).toBe('0\n1\nevents 0 300\n')
})
