import {
  AlterConfigs,
  AlterPartitionReassignments,
  type Api,
  CreatePartitions,
  CreateTopics,
  DeleteTopics,
  type Draft,
  ElectLeaders,
  ErrorCode,
  IncrementalAlterConfigs,
  KafkaError,
} from '@millrace/protocol'
import { type Logger, MillraceError, messageOf } from '@millrace/runtime'

interface Refused {
  readonly errorCode: number
  readonly errorMessage: string
}

type Refuse<Request, Response> = (request: Request, refused: Refused, version: number) => Draft<Response>

const refusals = new Map<number, Refuse<any, any>>()

function refuses<Request, Response>(api: Api<Request, Response>, refuse: Refuse<Request, Response>): void {
  refusals.set(api.key, refuse)
}

// APIs that have no error for the whole answer: each row says it.
refuses(CreateTopics, ({ topics }, refused) => ({ topics: topics.map(({ name }) => ({ name, ...refused })) }))
refuses(DeleteTopics, ({ topics, topicNames }, refused) => ({
  responses: [
    ...topics.map(({ name, topicId }) => ({ name, topicId, ...refused })),
    ...topicNames.map(name => ({ name, ...refused })),
  ],
}))
refuses(CreatePartitions, ({ topics }, refused) => ({ results: topics.map(({ name }) => ({ name, ...refused })) }))
refuses(IncrementalAlterConfigs, ({ resources }, refused) => ({ responses: resourceRows(resources, refused) }))
refuses(AlterConfigs, ({ resources }, refused) => ({ responses: resourceRows(resources, refused) }))
refuses(AlterPartitionReassignments, ({ topics }, refused) => ({
  ...refused,
  responses: topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, ...refused })),
  })),
}))
// Version 0 has no error for the whole either.
refuses(ElectLeaders, ({ topicPartitions }, refused, version) => ({
  ...(version > 0 ? { errorCode: refused.errorCode } : {}),
  replicaElectionResults: (topicPartitions ?? []).map(({ topic, partitions }) => ({
    topic,
    partitionResult: partitions.map(partitionId => ({ partitionId, ...refused })),
  })),
}))

function resourceRows(resources: readonly { readonly resourceType: number; readonly resourceName: string }[], refused: Refused) {
  return resources.map(({ resourceType, resourceName }) => ({ resourceType, resourceName, ...refused }))
}

/** The answer that refuses a request as a whole, in the API's own shape. */
export function refusalOf<Request, Response>(
  api: Api<Request, Response>,
  version: number,
  request: Request,
  errorCode: number,
  errorMessage: string,
): Draft<Response> {
  const refuse = refusals.get(api.key) as Refuse<Request, Response> | undefined
  const refused = { errorCode, errorMessage }
  // Everything else has errorCode, and errorMessage where there is room for one; a field that the message lacks is not written.
  return refuse ? refuse(request, refused, version) : (refused as Draft<Response>)
}

/**
 * What a request that failed is answered: the code of a KafkaError; REQUEST_TIMED_OUT for another error that may pass; a bug is
 * UNKNOWN_SERVER_ERROR and a line in the log.
 */
export function refusalFor<Request, Response>(
  api: Api<Request, Response>,
  version: number,
  request: Request,
  error: unknown,
  logger: Logger,
): Draft<Response> {
  if (error instanceof KafkaError) return refusalOf(api, version, request, error.errorCode, error.message)
  if (error instanceof MillraceError && error.retriable)
    return refusalOf(api, version, request, ErrorCode.REQUEST_TIMED_OUT, error.message)
  logger.error('request.failed', { api: api.name, error: messageOf(error) })
  return refusalOf(api, version, request, ErrorCode.UNKNOWN_SERVER_ERROR, messageOf(error))
}
