import { type Draft, ErrorCode, OffsetCommit, type OffsetCommitRequest, type OffsetCommitResponse } from '@millrace/protocol'
import { commitError } from '../group/committing.ts'
import type { GroupRouter } from '../group/group-coordinators.ts'
import type { CommitRequest, CommitResponse, CommitTopic } from '../group/group-input.ts'
import type { BrokerServices } from '../services.ts'
import type { ApiHandler } from './handler.ts'

const unknownGroupErrorSince = 9
const topicIdsSince = 10

/** OffsetCommit: for topics that exist, which go by id from version 10 on (KIP-848). */
export function offsetCommit(groups: GroupRouter): ApiHandler<OffsetCommitRequest, Draft<OffsetCommitResponse>> {
  return {
    api: OffsetCommit,
    versions: { min: 2, max: 10 },
    async handle(request, { apiVersion }, { metadata }) {
      const topics = request.topics.map(topic => knownTopic(topic, apiVersion, metadata))
      const commit: CommitRequest = {
        groupId: request.groupId,
        generationId: request.generationIdOrMemberEpoch,
        memberId: request.memberId,
        groupInstanceId: request.groupInstanceId,
        retentionTimeMs: request.retentionTimeMs,
        unknownGroupErrorCode: apiVersion >= unknownGroupErrorSince ? ErrorCode.GROUP_ID_NOT_FOUND : ErrorCode.ILLEGAL_GENERATION,
        topics: topics.filter(topic => topic !== null),
      }
      const codes = commit.topics.length === 0 ? [] : await commitTo(groups, commit)
      const unknown = apiVersion >= topicIdsSince ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
      let known = 0
      return {
        topics: request.topics.map(({ name, topicId, partitions }, index) => {
          const topicCodes = topics[index] === null ? null : codes[known++]!
          return {
            ...(apiVersion >= topicIdsSince ? { topicId } : { name }),
            partitions: partitions.map(({ partitionIndex }, at) => ({ partitionIndex, errorCode: topicCodes?.[at] ?? unknown })),
          }
        }),
      }
    },
  }
}

function knownTopic(
  { name, topicId, partitions }: OffsetCommitRequest['topics'][number],
  apiVersion: number,
  metadata: BrokerServices['metadata'],
): CommitTopic | null {
  const known = apiVersion >= topicIdsSince ? metadata.topicById(topicId) : metadata.topic(name)
  return known ? { name: known.name, topicId: known.topicId, partitions } : null
}

function commitTo(groups: GroupRouter, request: CommitRequest): Promise<CommitResponse> {
  return groups.ask<CommitResponse>(
    request.groupId,
    answer => ({ kind: 'commitOffsets', request, answer }),
    errorCode => commitError(request, errorCode),
  )
}
