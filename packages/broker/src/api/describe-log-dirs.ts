import {
  DescribeLogDirs,
  type DescribeLogDirsRequest,
  type DescribeLogDirsResponse,
  type Draft,
  ErrorCode,
} from '@millrace/protocol'
import type { Disk } from '@millrace/runtime'
import type { Log } from '../log/log.ts'
import type { LogDirectory } from '../log/log-directory.ts'
import type { LogManager } from '../log/log-manager.ts'
import type { ApiHandler } from './handler.ts'

/** What a volume that does not tell has. */
const unknownBytes = -1

/** Which logs each of `log.dirs` holds, how large they are, and how far they are behind what is committed. A directory whose disk failed is named with KAFKA_STORAGE_ERROR. */
export function describeLogDirsHandler(
  logs: Pick<LogManager, 'directories' | 'log'>,
): ApiHandler<DescribeLogDirsRequest, Draft<DescribeLogDirsResponse>> {
  return {
    api: DescribeLogDirs,
    versions: { min: 1, max: 5 },
    handle({ topics }, _context, { world }) {
      const wanted = topics && new Map(topics.map(({ topic, partitions }) => [topic, new Set(partitions)]))
      const isWanted = (log: Log) => wanted === null || wanted.get(log.topic)?.has(log.partition) === true
      const currentOf = ({ topic, partition }: Log) => logs.log(topic, partition)
      return { results: logs.directories.map(directory => describe(directory, isWanted, currentOf, world.disk)) }
    },
  }
}

function describe(
  { path: logDir, failure, logs, futures }: LogDirectory,
  isWanted: (log: Log) => boolean,
  currentOf: (future: Log) => Log | undefined,
  disk: Disk,
): Draft<DescribeLogDirsResponse['results'][number]> {
  const space = failure ? null : spaceOf(disk, logDir)
  if (!space) return { errorCode: ErrorCode.KAFKA_STORAGE_ERROR, logDir, topics: [] }
  const topics = new Map<string, { partitionIndex: number; partitionSize: number; offsetLag: number; isFutureKey: boolean }[]>()
  const add = (log: Log, offsetLag: number, isFutureKey: boolean) => {
    if (!isWanted(log)) return
    const partition = {
      partitionIndex: log.partition,
      partitionSize: log.sizeBytes,
      offsetLag: Math.max(0, offsetLag),
      isFutureKey,
    }
    const known = topics.get(log.topic)
    if (known) known.push(partition)
    else topics.set(log.topic, [partition])
  }
  for (const log of logs.values()) add(log, log.highWatermark - log.logEndOffset, false)
  for (const future of futures.values()) add(future, (currentOf(future)?.logEndOffset ?? 0) - future.logEndOffset, true)
  return {
    errorCode: ErrorCode.NONE,
    logDir,
    topics: [...topics].map(([name, partitions]) => ({ name, partitions })),
    totalBytes: space.totalBytes,
    usableBytes: space.freeBytes,
  }
}

/** Null: the directory is not to be had any more. */
function spaceOf(disk: Disk, directory: string): { totalBytes: number; freeBytes: number } | null {
  try {
    return disk.space?.(directory) ?? { totalBytes: unknownBytes, freeBytes: unknownBytes }
  } catch {
    return null
  }
}
