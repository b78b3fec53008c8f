import { DeleteRecords, type DeleteRecordsRequest, type DeleteRecordsResponse, type Draft } from '@millrace/protocol'
import type { Partitions } from '../partition/partitions.ts'
import type { ApiHandler } from './handler.ts'

/** Moves the log start offset; -1 means up to the high watermark. */
export function deleteRecordsHandler(partitions: Partitions): ApiHandler<DeleteRecordsRequest, Draft<DeleteRecordsResponse>> {
  return {
    api: DeleteRecords,
    versions: { min: 0, max: 2 },
    handle: request => ({
      topics: request.topics.map(({ name, partitions: wanted }) => ({
        name,
        partitions: wanted.map(({ partitionIndex, offset }) => {
          const leader = partitions.leader(name, partitionIndex)
          if (typeof leader === 'number') return { partitionIndex, errorCode: leader, lowWatermark: -1 }
          return { partitionIndex, ...leader.deleteRecordsBefore(offset) }
        }),
      })),
    }),
  }
}
