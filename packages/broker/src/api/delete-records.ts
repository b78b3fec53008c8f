import { DeleteRecords, type DeleteRecordsRequest, type DeleteRecordsResponse, type Draft, ErrorCode } from '@millrace/protocol'
import type { Clock } from '@millrace/runtime'
import type { Leader } from '../partition/leader.ts'
import type { Partitions } from '../partition/partitions.ts'
import type { ApiHandler } from './handler.ts'

type PartitionAnswer = { readonly partitionIndex: number; readonly errorCode: number; readonly lowWatermark: number }

/** Moves the log start offset; -1 means up to the high watermark. Answered when all replicas that live have moved theirs. */
export function deleteRecordsHandler(partitions: Partitions): ApiHandler<DeleteRecordsRequest, Draft<DeleteRecordsResponse>> {
  return {
    api: DeleteRecords,
    versions: { min: 0, max: 2 },
    async handle(request, _context, { world }) {
      const timeoutMs = Math.max(0, request.timeoutMs)
      const remove = async (topic: string, partitionIndex: number, offset: number): Promise<PartitionAnswer> => {
        const leader = partitions.leader(topic, partitionIndex)
        if (typeof leader === 'number') return { partitionIndex, errorCode: leader, lowWatermark: -1 }
        const { errorCode, lowWatermark } = leader.deleteRecordsBefore(offset)
        if (errorCode !== ErrorCode.NONE) return { partitionIndex, errorCode, lowWatermark }
        return { partitionIndex, ...(await everywhere(leader, lowWatermark, world.clock, timeoutMs)) }
      }
      const topics = request.topics.map(async ({ name, partitions: wanted }) => ({
        name,
        partitions: await Promise.all(wanted.map(({ partitionIndex, offset }) => remove(name, partitionIndex, offset))),
      }))
      return { topics: await Promise.all(topics) }
    },
  }
}

/** Waits until no replica has records before the offset any more. */
function everywhere(
  leader: Leader,
  offset: number,
  clock: Clock,
  timeoutMs: number,
): Promise<{ errorCode: number; lowWatermark: number }> {
  return new Promise(resolve => {
    const timer = clock.timer(timeoutMs, () => resolve({ errorCode: ErrorCode.REQUEST_TIMED_OUT, lowWatermark: -1 }))
    leader.whenDeleted(offset, errorCode => {
      timer.cancel()
      resolve({ errorCode, lowWatermark: errorCode === ErrorCode.NONE ? leader.lowWatermark : -1 })
    })
  })
}
