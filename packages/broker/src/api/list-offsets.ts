import { type Draft, ErrorCode, ListOffsets, type ListOffsetsRequest, type ListOffsetsResponse } from '@millrace/protocol'
import type { Leader } from '../partition/leader.ts'
import type { Partitions } from '../partition/partitions.ts'
import type { ApiHandler } from './handler.ts'

type PartitionAnswer = Draft<ListOffsetsResponse['topics'][number]['partitions'][number]>

const latest = -1
const earliest = -2
const maxTimestamp = -3
const earliestLocal = -4
const latestTiered = -5
/** Version from which each special timestamp is understood. */
const specialSince: Readonly<Record<number, number>> = {
  [latest]: 0,
  [earliest]: 0,
  [maxTimestamp]: 7,
  [earliestLocal]: 8,
  [latestTiered]: 9,
}
const readCommitted = 1
const leaderEpochSince = 4

/** Offsets by time: the first record at or after a timestamp, or one of the special places of a log. */
export function listOffsetsHandler(partitions: Partitions): ApiHandler<ListOffsetsRequest, Draft<ListOffsetsResponse>> {
  return {
    api: ListOffsets,
    versions: { min: 1, max: 10 },
    handle(request, { apiVersion }) {
      const asked = new Map<string, number>()
      for (const topic of request.topics)
        for (const { partitionIndex } of topic.partitions) {
          const key = `${topic.name}/${partitionIndex}`
          asked.set(key, (asked.get(key) ?? 0) + 1)
        }
      return {
        topics: request.topics.map(({ name, partitions: wanted }) => ({
          name,
          partitions: wanted.map(({ partitionIndex, timestamp, currentLeaderEpoch }): PartitionAnswer => {
            const refused = (errorCode: number): PartitionAnswer => ({ partitionIndex, errorCode })
            if (asked.get(`${name}/${partitionIndex}`)! > 1) return refused(ErrorCode.INVALID_REQUEST)
            if (timestamp < 0 && !(specialSince[timestamp]! <= apiVersion)) return refused(ErrorCode.UNSUPPORTED_VERSION)
            const leader = partitions.leader(name, partitionIndex)
            if (typeof leader === 'number') return refused(leader)
            const fenced = leader.checkEpoch(currentLeaderEpoch)
            if (fenced !== ErrorCode.NONE) return refused(fenced)
            const found = find(leader, timestamp, request.isolationLevel === readCommitted)
            // Earlier versions cannot carry the epoch.
            return { partitionIndex, ...found, leaderEpoch: apiVersion >= leaderEpochSince ? (found.leaderEpoch ?? -1) : -1 }
          }),
        })),
      }
    },
  }
}

function find(leader: Leader, timestamp: number, committed: boolean): Omit<PartitionAnswer, 'partitionIndex'> {
  const end = committed ? leader.lastStableOffset : leader.highWatermark
  try {
    switch (timestamp) {
      case latest:
        return { offset: end, leaderEpoch: leader.leaderEpoch }
      case earliest:
      case earliestLocal:
        return { offset: leader.logStartOffset, leaderEpoch: leader.epochAt(leader.logStartOffset) }
      case latestTiered:
        return {}
      default: {
        const found = timestamp === maxTimestamp ? leader.offsetOfMaxTimestamp() : leader.offsetForTimestamp(timestamp)
        if (found === null || found.offset >= end) return {}
        return { timestamp: found.timestamp, offset: found.offset, leaderEpoch: leader.epochAt(found.offset) }
      }
    }
  } catch (error) {
    return { errorCode: leader.errorCodeOf(error) }
  }
}
