import { type Draft, ErrorCode, OffsetDelete, type OffsetDeleteRequest, type OffsetDeleteResponse } from '@millrace/protocol'
import type { GroupRouter } from '../group/group-coordinators.ts'
import type { DeleteOffsetsResponse } from '../group/group-input.ts'
import type { ApiHandler } from './handler.ts'

/** OffsetDelete: forgets committed offsets of topics that the group does not read. */
export function offsetDelete(groups: GroupRouter): ApiHandler<OffsetDeleteRequest, Draft<OffsetDeleteResponse>> {
  return {
    api: OffsetDelete,
    versions: { min: 0, max: 0 },
    async handle({ groupId, topics }, _context, { metadata }) {
      if (groupId === '') return { errorCode: ErrorCode.INVALID_GROUP_ID }
      const exists = (name: string, partition: number) => metadata.topic(name)?.partitions[partition] !== undefined
      const known = topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => partitionIndex).filter(index => exists(name, index)),
      }))
      const { errorCode, topics: results } = await groups.ask<DeleteOffsetsResponse>(
        groupId,
        answer => ({ kind: 'deleteOffsets', request: { groupId, topics: known }, answer }),
        code => ({ errorCode: code, topics: [] }),
      )
      if (errorCode !== ErrorCode.NONE) return { errorCode }
      const codes = new Map(results.map(topic => [topic.name, topic.errorCode]))
      return {
        topics: topics.map(({ name, partitions }) => ({
          name,
          partitions: partitions.map(({ partitionIndex }) => ({
            partitionIndex,
            errorCode: exists(name, partitionIndex) ? codes.get(name)! : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
          })),
        })),
      }
    },
  }
}
