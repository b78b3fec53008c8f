import {
  type Draft,
  ErrorCode,
  OffsetForLeaderEpoch,
  type OffsetForLeaderEpochRequest,
  type OffsetForLeaderEpochResponse,
} from '@millrace/protocol'
import type { Partitions } from '../partition/partitions.ts'
import type { ApiHandler } from './handler.ts'

/** Where an epoch ends in the leader's log, so that consumers see truncation (KIP-320). */
export function offsetForLeaderEpochHandler(
  partitions: Partitions,
): ApiHandler<OffsetForLeaderEpochRequest, Draft<OffsetForLeaderEpochResponse>> {
  return {
    api: OffsetForLeaderEpoch,
    versions: { min: 2, max: 4 },
    handle: request => ({
      topics: request.topics.map(({ topic, partitions: wanted }) => ({
        topic,
        partitions: wanted.map(({ partition, currentLeaderEpoch, leaderEpoch }) => {
          const leader = partitions.leader(topic, partition)
          if (typeof leader === 'number') return { partition, errorCode: leader }
          const fenced = leader.checkEpoch(currentLeaderEpoch)
          if (fenced !== ErrorCode.NONE) return { partition, errorCode: fenced }
          const end = leader.endOfEpoch(leaderEpoch)
          return { partition, leaderEpoch: end.epoch, endOffset: end.endOffset }
        }),
      })),
    }),
  }
}
