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
/** Earlier versions hear LEADER_NOT_AVAILABLE, which they know to be a matter of time. */
const offsetNotAvailableSince = 5
const consumerReplicaId = -1

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
            const found = find(leader, timestamp, readerOf(request))
            if (found.errorCode === ErrorCode.OFFSET_NOT_AVAILABLE && apiVersion < offsetNotAvailableSince)
              return refused(ErrorCode.LEADER_NOT_AVAILABLE)
            // Earlier versions cannot carry the epoch.
            return { partitionIndex, ...found, leaderEpoch: apiVersion >= leaderEpochSince ? (found.leaderEpoch ?? -1) : -1 }
          }),
        })),
      }
    },
  }
}

type Reader = 'uncommitted' | 'committed' | 'replica'

function readerOf({ replicaId, isolationLevel }: ListOffsetsRequest): Reader {
  if (replicaId > consumerReplicaId) return 'replica'
  return isolationLevel === readCommitted ? 'committed' : 'uncommitted'
}

function find(leader: Leader, timestamp: number, reader: Reader): Omit<PartitionAnswer, 'partitionIndex'> {
  if (leader.lostCode !== 0) return { errorCode: leader.lostCode }
  const ends = { uncommitted: leader.highWatermark, committed: leader.lastStableOffset, replica: leader.logEndOffset }
  const end = ends[reader]
  // Records that earlier leaders have shown may lie behind a high watermark that is still on its way up.
  const knowsEnd = reader === 'replica' || leader.knowsEnd
  try {
    switch (timestamp) {
      case latest:
        return knowsEnd ? { offset: end, leaderEpoch: leader.leaderEpoch } : { errorCode: ErrorCode.OFFSET_NOT_AVAILABLE }
      case earliest:
      case earliestLocal:
        return { offset: leader.logStartOffset, leaderEpoch: leader.epochAt(leader.logStartOffset) }
      case latestTiered:
        return {}
      default: {
        const found = timestamp === maxTimestamp ? leader.offsetOfMaxTimestamp() : leader.offsetForTimestamp(timestamp)
        if (found !== null && found.offset < end)
          return { timestamp: found.timestamp, offset: found.offset, leaderEpoch: leader.epochAt(found.offset) }
        return found === null || knowsEnd ? {} : { errorCode: ErrorCode.OFFSET_NOT_AVAILABLE }
      }
    }
  } catch (error) {
    return { errorCode: leader.errorCodeOf(error) }
  }
}
