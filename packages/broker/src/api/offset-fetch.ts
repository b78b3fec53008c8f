import {
  type Draft,
  ErrorCode,
  OffsetFetch,
  type OffsetFetchRequest,
  type OffsetFetchResponse,
  zeroUuid,
} from '@millrace/protocol'
import type { GroupRouter } from '../group/group-coordinators.ts'
import type { FetchOffsetsRequest, FetchOffsetsResponse } from '../group/group-input.ts'
import type { MetadataView } from '../services.ts'
import type { ApiHandler } from './handler.ts'

const groupErrorSince = 2
const groupsSince = 8
const topicIdsSince = 10

type RequestedGroup = OffsetFetchRequest['groups'][number]
type RequestedTopic = NonNullable<RequestedGroup['topics']>[number]
type FetchedGroup = NonNullable<Draft<OffsetFetchResponse>['groups']>[number]
type FetchedTopic = NonNullable<FetchedGroup['topics']>[number]

/** OffsetFetch: of one group before version 8, of several from there on; topics go by id from version 10 on. */
export function offsetFetch(groups: GroupRouter): ApiHandler<OffsetFetchRequest, Draft<OffsetFetchResponse>> {
  return {
    api: OffsetFetch,
    versions: { min: 1, max: 10 },
    async handle(request, { apiVersion }, { metadata }) {
      const { requireStable } = request
      if (apiVersion >= groupsSince) {
        const fetched = request.groups.map(group => fetchGroup(groups, metadata, group, requireStable, apiVersion))
        return { groups: await Promise.all(fetched) }
      }
      const { groupId, topics } = request
      const { errorCode, topics: fetched } = await fetchFrom(groups, { groupId, topics, requireStable })
      if (errorCode === ErrorCode.NONE || apiVersion >= groupErrorSince) return { errorCode, topics: fetched }
      return { topics: (topics ?? []).map(topic => ({ name: topic.name, partitions: failed(topic, errorCode) })) }
    },
  }
}

function fetchFrom(groups: GroupRouter, request: FetchOffsetsRequest): Promise<FetchOffsetsResponse> {
  return groups.ask<FetchOffsetsResponse>(
    request.groupId,
    answer => ({ kind: 'fetchOffsets', request, answer }),
    errorCode => ({ errorCode, topics: [] }),
  )
}

async function fetchGroup(
  groups: GroupRouter,
  metadata: MetadataView,
  { groupId, topics }: RequestedGroup,
  requireStable: boolean,
  apiVersion: number,
): Promise<FetchedGroup> {
  if (apiVersion < topicIdsSince) return { groupId, ...(await fetchFrom(groups, { groupId, topics, requireStable })) }
  const named = topics?.map(topic => ({ topic, name: metadata.topicById(topic.topicId)?.name }))
  const known = named?.flatMap(({ topic, name }) =>
    name === undefined ? [] : [{ name, partitionIndexes: topic.partitionIndexes }],
  )
  const fetched = await fetchFrom(groups, { groupId, topics: known ?? null, requireStable })
  if (fetched.errorCode !== ErrorCode.NONE) return { groupId, errorCode: fetched.errorCode, topics: [] }
  const found = fetched.topics.flatMap(({ name, partitions }) => {
    const topicId = metadata.topic(name)?.topicId
    return topicId === undefined ? [] : [{ topicId, partitions }]
  })
  const unknown = (named ?? []).flatMap(({ topic, name }): FetchedTopic[] =>
    name === undefined ? [{ topicId: topic.topicId ?? zeroUuid, partitions: failed(topic, ErrorCode.UNKNOWN_TOPIC_ID) }] : [],
  )
  return { groupId, errorCode: ErrorCode.NONE, topics: [...found, ...unknown] }
}

function failed({ partitionIndexes }: Pick<RequestedTopic, 'partitionIndexes'>, errorCode: number) {
  return partitionIndexes.map(partitionIndex => ({
    partitionIndex,
    committedOffset: -1,
    committedLeaderEpoch: -1,
    metadata: '',
    errorCode,
  }))
}
