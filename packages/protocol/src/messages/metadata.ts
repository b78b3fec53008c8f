/**
 * Metadata (key 3): brokers, topics, and who leads each partition. `topics` null means all, empty none. Versions 10 and 11 must
 * not ask by id.
 */
import { api } from '../api.ts'
import { array, bool, int16, int32, message, string, uuid, type ValueOf } from '../schema.ts'

export const MetadataRequest = message(
  'MetadataRequest',
  { versions: '0-13', flexible: 9 },
  {
    topics: array(
      { nullable: 1 },
      { topicId: uuid({ since: 10, ignorable: true }), name: string({ nullable: 10, entity: 'topicName' }) },
    ),
    allowAutoTopicCreation: bool({ since: 4, default: true }),
    includeClusterAuthorizedOperations: bool({ since: 8, until: 10 }),
    includeTopicAuthorizedOperations: bool({ since: 8 }),
  },
)

export interface MetadataRequest extends ValueOf<typeof MetadataRequest> {}

export const MetadataResponse = message(
  'MetadataResponse',
  { versions: '0-13', flexible: 9 },
  {
    throttleTimeMs: int32({ since: 3, ignorable: true }),
    brokers: array({
      nodeId: int32({ mapKey: true, entity: 'brokerId' }),
      host: string(),
      port: int32(),
      rack: string({ since: 1, nullable: true, default: null, ignorable: true }),
    }),
    clusterId: string({ since: 2, nullable: true, default: null, ignorable: true }),
    controllerId: int32({ since: 1, default: -1, ignorable: true, entity: 'brokerId' }),
    topics: array({
      errorCode: int16(),
      name: string({ nullable: 12, mapKey: true, entity: 'topicName' }),
      topicId: uuid({ since: 10, ignorable: true }),
      isInternal: bool({ since: 1, ignorable: true }),
      partitions: array({
        errorCode: int16(),
        partitionIndex: int32(),
        leaderId: int32({ entity: 'brokerId' }),
        leaderEpoch: int32({ since: 7, default: -1, ignorable: true }),
        replicaNodes: array({ entity: 'brokerId' }, int32()),
        isrNodes: array({ entity: 'brokerId' }, int32()),
        offlineReplicas: array({ since: 5, ignorable: true, entity: 'brokerId' }, int32()),
      }),
      topicAuthorizedOperations: int32({ since: 8, default: -2147483648 }),
    }),
    clusterAuthorizedOperations: int32({ since: 8, until: 10, default: -2147483648 }),
    errorCode: int16({ since: 13, ignorable: true }),
  },
)

export interface MetadataResponse extends ValueOf<typeof MetadataResponse> {}

export const Metadata = api({
  key: 3,
  name: 'Metadata',
  listeners: ['broker'],
  request: MetadataRequest,
  response: MetadataResponse,
})
