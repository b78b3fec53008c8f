import { DescribeLogDirs, ErrorCode } from '@millrace/protocol'
import { expect, test } from 'vitest'
import { describeLogDirsHandler } from './describe-log-dirs.ts'

const log = (topic: string, partition: number, more = {}) => ({
  topic,
  partition,
  sizeBytes: 100 * (partition + 1),
  highWatermark: 5,
  logEndOffset: 7,
  ...more,
})
const directory = (path: string, logs: object[], failure: Error | null = null, futures: object[] = []) => ({
  path,
  failure,
  futures: new Map(futures.map((each, i) => [String(i), each])),
  logs: new Map(logs.map((each, i) => [String(i), each])),
})
const directories = [
  directory('/a', [log('t', 0), log('t', 1), log('u', 0, { highWatermark: 9 })]),
  directory('/b', [], new Error('EIO')),
  directory('/c', []),
  directory('/d', [], null, [log('t', 1, { logEndOffset: 3 })]),
]
const space = (path: string) => {
  if (path === '/c') throw new Error('ENOENT')
  return { totalBytes: 1000, freeBytes: 600 }
}
const ask = (topics: { topic: string; partitions: number[] }[] | null, disk: object = { space }) =>
  describeLogDirsHandler({ directories, log: () => ({ logEndOffset: 7 }) } as never).handle(
    { topics } as never,
    {} as never,
    { world: { disk } } as never,
  )

test('every directory is named with its volume, its logs and the copies on their way into it; one that failed or is gone with the error', () => {
  const partition = (partitionIndex: number, offsetLag = 0) => ({
    partitionIndex,
    partitionSize: 100 * (partitionIndex + 1),
    offsetLag,
    isFutureKey: false,
  })
  expect(ask(null)).toEqual({
    results: [
      {
        errorCode: 0,
        logDir: '/a',
        topics: [
          { name: 't', partitions: [partition(0), partition(1)] },
          { name: 'u', partitions: [partition(0, 2)] },
        ],
        totalBytes: 1000,
        usableBytes: 600,
      },
      { errorCode: ErrorCode.KAFKA_STORAGE_ERROR, logDir: '/b', topics: [] },
      { errorCode: ErrorCode.KAFKA_STORAGE_ERROR, logDir: '/c', topics: [] },
      {
        errorCode: 0,
        logDir: '/d',
        topics: [{ name: 't', partitions: [{ ...partition(1, 4), isFutureKey: true }] }],
        totalBytes: 1000,
        usableBytes: 600,
      },
    ],
  })
})

test('only what was asked for is told', () => {
  const answer = ask([
    { topic: 't', partitions: [1, 7] },
    { topic: 'nowhere', partitions: [0] },
  ]) as { results: { topics: object[] }[] }
  expect(answer.results.map(({ topics }) => topics)).toEqual([
    [{ name: 't', partitions: [expect.objectContaining({ partitionIndex: 1 })] }],
    [],
    [],
    [{ name: 't', partitions: [expect.objectContaining({ partitionIndex: 1, isFutureKey: true })] }],
  ])
})

test('a disk that does not tell its size has -1', () => {
  const answer = ask([], {}) as { results: object[] }
  expect(answer.results[0]).toMatchObject({ errorCode: 0, totalBytes: -1, usableBytes: -1 })
  expect(DescribeLogDirs.key).toBe(35)
})
