import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { defaultLogConfig, Log } from '@millrace/broker/internal'
import { BatchBuilder, BatchView, batchesIn, compressionCodecs } from '@millrace/protocol'
import { nodeWorld, silentLogger } from '@millrace/runtime'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { kafkaScript, runJava } from './kafka-peer.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-log-files-'))
const world = nodeWorld()
/** As LogFiles.java has it. */
const config = { ...defaultLogConfig, segmentBytes: 4000, indexIntervalBytes: 300, segmentIndexBytes: 2000, retentionMs: -1 }
const topicId = 'g-HqOjpDRLSw1H0WNX9e5A'
/** Kafka forgets producers that were idle for a day. */
const firstTime = world.clock.now() - 1_000_000

afterAll(() => rmSync(root, { recursive: true, force: true }))

function open(name: string, clean: boolean): Log {
  mkdirSync(join(root, name), { recursive: true })
  const directory = join(root, name, 'events-0')
  return Log.open({ world, logger: silentLogger, directory, topic: 'events', partition: 0, topicId, config, clean })
}

/** Batches of all codecs, every other one of an idempotent producer. */
function append(log: Log, count: number, firstEpoch: number): void {
  let sequence = 0
  for (let i = 0; i < count; i++) {
    const isIdempotent = i % 2 === 1
    const builder = new BatchBuilder({
      compression: compressionCodecs[i % compressionCodecs.length]!,
      maxBytes: 100_000,
      ...(isIdempotent ? { producerId: 7000 + firstEpoch, producerEpoch: 2, baseSequence: sequence } : {}),
    })
    for (let n = 0; n <= i % 5; n++) {
      const time = firstTime + (log.logEndOffset + n) * 10 - (i % 7 === 0 ? 5000 : 0)
      builder.append(time, `key${n}`, `millrace-${i}-${n}-${'abc'.repeat(20)}`)
    }
    if (isIdempotent) sequence += builder.recordCount
    const epoch = firstEpoch + Math.floor(i / 80)
    if (epoch > log.lastEpoch) log.startEpoch(epoch)
    log.appendAsLeader(BatchView.at(builder.build(), 0)!, epoch)
  }
}

/** What is in a log, in the lines of LogFiles.java but for the producers, which a log does not show. */
function describeLog(log: Log): string[] {
  const lines = [`log ${log.logStartOffset} ${log.logEndOffset} ${log.lastEpoch} ${log.segmentCount}`]
  let last = -1
  for (let offset = log.logStartOffset; offset < log.logEndOffset; ) {
    const { chunks, nextOffset } = log.read(offset, { maxBytes: 1000 })
    for (const batch of batchesIn(Buffer.concat(chunks))) {
      expect(batch.isCrcValid()).toBe(true)
      const cursor = batch.records()
      while (cursor.next()) {
        lines.push(`record ${cursor.offset} ${cursor.timestamp} ${Buffer.from(cursor.value()!).toString()}`)
        last = Math.max(last, cursor.timestamp)
      }
    }
    offset = nextOffset
  }
  for (let time = last - 20_000; time <= last + 1; time += 377)
    lines.push(`time ${time} ${log.offsetForTimestamp(time)?.offset ?? -1}`)
  for (let epoch = 0; epoch <= log.lastEpoch; epoch++) {
    const end = log.endOfEpoch(epoch)
    if (end.endOffset >= 0) lines.push(`epoch ${epoch} ${end.epoch} ${end.endOffset}`)
  }
  return lines
}

/** One list of lines a command; an error of Kafka's is a line too and makes the comparison fail. */
async function kafkaLog(...commands: string[]): Promise<string[][]> {
  const answers: string[][] = [[]]
  for (const line of await runJava('LogFiles.java', commands)) {
    if (line === 'done') answers.push([])
    else if (/^(log|record|producer|time|epoch|error) /.test(line)) answers.at(-1)!.push(line)
  }
  return answers.slice(0, -1)
}

const complaints = /^.*(isvalid: false|mismatch|non-?consecutive|out of order|not found|exception|corrupt).*$/gim

/** What dump-log 4.3 says of the first record of every segment but that at offset 0, Apache Kafka's own ones as well. */
const firstRecord = /^Non-consecutive offsets in .*\n\s+-1 is followed by \d+\n(?!\s+\d+ is followed by)/gm

const producersOf = (lines: readonly string[]) => lines.filter(line => line.startsWith('producer '))
const withoutProducers = (lines: readonly string[]) => lines.filter(line => !line.startsWith('producer '))

describe('a log that Apache Kafka wrote', () => {
  let written: string[]
  let killed: string[]

  beforeAll(async () => {
    ;[written, killed] = (await kafkaLog(`write ${root}/kafka/events-0 clean`, `write ${root}/killed/events-0 kill`)) as [
      string[],
      string[],
    ]
    expect(written.length).toBeGreaterThan(600)
  })

  test('and closed is read as Kafka reads it', () => {
    const log = open('kafka', true)
    expect(log.topicId).toBe(topicId)
    expect(log.segmentCount).toBeGreaterThan(5)
    expect(describeLog(log)).toEqual(withoutProducers(written))
    log.abandon()
  })

  test('and did not close, with its pre-sized indexes, is recovered', () => {
    const log = open('killed', false)
    expect(describeLog(log)).toEqual(withoutProducers(killed))
    log.abandon()
  })

  test('has the producers that Kafka knows: a retry is a duplicate, what follows is not', () => {
    cpSync(join(root, 'kafka'), join(root, 'producers'), { recursive: true })
    const log = open('producers', true)
    const [, id, lastSequence] = producersOf(written)[0]!.split(' ').map(Number)
    const batchAt = (baseSequence: number) => {
      const builder = new BatchBuilder({ maxBytes: 1000, producerId: id!, producerEpoch: 3, baseSequence })
      builder.append(firstTime, null, 'again')
      return BatchView.at(builder.build(), 0)!
    }
    expect(() => log.appendAsLeader(batchAt(lastSequence! + 2), 3)).toThrow(/OUT_OF_ORDER_SEQUENCE_NUMBER/)
    expect(log.appendAsLeader(batchAt(lastSequence! + 1), 3)).toEqual({ baseOffset: log.logEndOffset - 1, isDuplicate: false })
    log.abandon()
  })

  test('has, byte for byte, the files that we make of the same batches', async () => {
    const kafkas = join(root, 'kafka', 'events-0')
    const log = open('same', true)
    const names = readdirSync(kafkas).sort()
    for (const name of names.filter(each => each.endsWith('.log')))
      for (const batch of batchesIn(readFileSync(join(kafkas, name)))) log.appendAsFollower(Buffer.from(batch.bytes))
    await log.close()
    const ours = join(root, 'same', 'events-0')
    expect(readdirSync(ours).sort()).toEqual(names)
    for (const name of names)
      expect(readFileSync(join(ours, name)).toString('hex'), name).toBe(readFileSync(join(kafkas, name)).toString('hex'))
  })
})

describe('a log that we wrote', () => {
  let described: string[]

  beforeAll(async () => {
    const log = open('ours', false)
    append(log, 200, 0)
    described = describeLog(log)
    log.abandon()
    cpSync(join(root, 'ours'), join(root, 'ours-killed'), { recursive: true })
    const again = open('ours', false)
    await again.close()
  })

  test('is read by Apache Kafka after a clean stop and after a kill, grows there, and comes back', async () => {
    const [clean, kill, grown] = (await kafkaLog(
      `read ${root}/ours/events-0 clean`,
      `read ${root}/ours-killed/events-0 kill`,
      `grow ${root}/ours/events-0 40`,
    )) as [string[], string[], string[]]
    expect(withoutProducers(clean)).toEqual(described)
    expect(withoutProducers(kill)).toEqual(described)
    expect(producersOf(clean)).toEqual(['producer 7000 299'])
    const back = open('ours', true)
    expect(describeLog(back)).toEqual(withoutProducers(grown))
    append(back, 40, 20)
    const ours = describeLog(back)
    await back.close()
    const [again] = await kafkaLog(`read ${root}/ours/events-0 clean`)
    expect(withoutProducers(again!)).toEqual(ours)
    expect(producersOf(again!)).toEqual(['producer 4009 59', 'producer 7000 299', 'producer 7020 59'])
  })

  test('gives dump-log nothing to complain about', async () => {
    const log = open('dumped', true)
    append(log, 300, 0)
    const records = describeLog(log).filter(line => line.startsWith('record ')).length
    await log.close()
    const directory = join(root, 'dumped', 'events-0')
    const files = (suffix: string) =>
      readdirSync(directory)
        .filter(name => name.endsWith(suffix))
        .map(name => join(directory, name))
    const dump = async (paths: string[], ...options: string[]) => {
      const { stdout, stderr } = await promisify(execFile)(kafkaScript(), ['dump-log', ...options, '--files', paths.join(',')], {
        maxBuffer: 2 ** 26,
      })
      const text = stdout + stderr
      expect(text.replace(firstRecord, '').match(complaints) ?? []).toEqual([])
      return text
    }
    const logs = await dump(files('.log'), '--deep-iteration', '--print-data-log')
    expect(logs.match(/^\| offset: /gm)).toHaveLength(records)
    expect(logs.match(/isvalid: true/g)).toHaveLength(300)
    expect(logs).toContain('compresscodec: zstd')
    const indexes = [...files('.index'), ...files('.timeindex')]
    const sane = await dump(indexes, '--index-sanity-check')
    expect(sane.match(/passed sanity check/g)).toHaveLength(indexes.length)
    await dump(indexes, '--verify-index-only')
    const whole = await dump([...indexes, ...files('.snapshot')])
    expect(whole.match(/^offset: \d+ position: \d+/gm)!.length).toBeGreaterThan(20)
    expect(whole.match(/^timestamp: \d+ offset: \d+/gm)!.length).toBeGreaterThan(20)
    expect(whole).toContain(`producerId: 7000 producerEpoch: 2`)
  })
})
