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
  logs: Pick<LogManager, 'directories'>,
): ApiHandler<DescribeLogDirsRequest, Draft<DescribeLogDirsResponse>> {
  return {
    api: DescribeLogDirs,
    versions: { min: 1, max: 5 },
    handle({ topics }, _context, { world }) {
      const wanted = topics && new Map(topics.map(({ topic, partitions }) => [topic, new Set(partitions)]))
      const isWanted = (log: Log) => wanted === null || wanted.get(log.topic)?.has(log.partition) === true
      return { results: logs.directories.map(directory => describe(directory, isWanted, world.disk)) }
    },
  }
}

function describe(
  { path: logDir, failure, logs }: LogDirectory,
  isWanted: (log: Log) => boolean,
  disk: Disk,
): Draft<DescribeLogDirsResponse['results'][number]> {
  const space = failure ? null : spaceOf(disk, logDir)
  if (!space) return { errorCode: ErrorCode.KAFKA_STORAGE_ERROR, logDir, topics: [] }
  const topics = new Map<string, { partitionIndex: number; partitionSize: number; offsetLag: number; isFutureKey: boolean }[]>()
  for (const log of logs.values()) {
    if (!isWanted(log)) continue
    const partition = {
      partitionIndex: log.partition,
      partitionSize: log.sizeBytes,
      offsetLag: Math.max(0, log.highWatermark - log.logEndOffset),
      isFutureKey: false,
    }
    const known = topics.get(log.topic)
    if (known) known.push(partition)
    else topics.set(log.topic, [partition])
  }
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
