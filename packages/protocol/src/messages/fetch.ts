/**
 * Fetch (key 1): reads record batches, for consumers and for followers. From 7 in sessions that name only what changed
 * (KIP-227), from 13 topics go by id, from 15 a follower states its epoch, from 17 its directory, from 18 its high watermark.
 */
import { api } from '../api.ts'
import {
  array,
  int8,
  int16,
  int32,
  int64,
  message,
  records,
  string,
  struct,
  unboundedInt64,
  uuid,
  type ValueOf,
} from '../schema.ts'

export const FetchRequest = message(
  'FetchRequest',
  { versions: '4-18', flexible: 12 },
  {
    clusterId: string({ tag: 0, since: 12, nullable: true, default: null, ignorable: true }),
    replicaId: int32({ until: 14, default: -1, entity: 'brokerId' }),
    replicaState: struct(
      { tag: 1, since: 15 },
      { replicaId: int32({ default: -1, entity: 'brokerId' }), replicaEpoch: int64({ default: -1 }) },
    ),
    maxWaitMs: int32(),
    minBytes: int32(),
    maxBytes: int32({ default: 0x7fffffff, ignorable: true }),
    isolationLevel: int8({ ignorable: true }),
    sessionId: int32({ since: 7, ignorable: true }),
    sessionEpoch: int32({ since: 7, default: -1, ignorable: true }),
    topics: array({
      topic: string({ until: 12, ignorable: true, entity: 'topicName' }),
      topicId: uuid({ since: 13, ignorable: true }),
      partitions: array({
        partition: int32(),
        currentLeaderEpoch: int32({ since: 9, default: -1, ignorable: true }),
        fetchOffset: int64(),
        lastFetchedEpoch: int32({ since: 12, default: -1 }),
        logStartOffset: int64({ since: 5, default: -1, ignorable: true }),
        partitionMaxBytes: int32(),
        replicaDirectoryId: uuid({ tag: 0, since: 17, ignorable: true }),
        highWatermark: unboundedInt64({ tag: 1, since: 18, ignorable: true }),
      }),
    }),
    forgottenTopicsData: array(
      { since: 7 },
      {
        topic: string({ until: 12, ignorable: true, entity: 'topicName' }),
        topicId: uuid({ since: 13, ignorable: true }),
        partitions: array(int32()),
      },
    ),
    rackId: string({ since: 11, ignorable: true }),
  },
)

export interface FetchRequest extends ValueOf<typeof FetchRequest> {}

export const FetchResponse = message(
  'FetchResponse',
  { versions: '4-18', flexible: 12 },
  {
    throttleTimeMs: int32({ ignorable: true }),
    errorCode: int16({ since: 7, ignorable: true }),
    sessionId: int32({ since: 7 }),
    responses: array({
      topic: string({ until: 12, ignorable: true, entity: 'topicName' }),
      topicId: uuid({ since: 13, ignorable: true }),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        highWatermark: int64(),
        lastStableOffset: int64({ default: -1, ignorable: true }),
        logStartOffset: int64({ since: 5, default: -1, ignorable: true }),
        divergingEpoch: struct({ tag: 0, since: 12 }, { epoch: int32({ default: -1 }), endOffset: int64({ default: -1 }) }),
        currentLeader: struct(
          { tag: 1, since: 12 },
          { leaderId: int32({ default: -1, entity: 'brokerId' }), leaderEpoch: int32({ default: -1 }) },
        ),
        snapshotId: struct({ tag: 2, since: 12 }, { endOffset: int64({ default: -1 }), epoch: int32({ default: -1 }) }),
        abortedTransactions: array(
          { nullable: true, ignorable: true },
          { producerId: int64({ entity: 'producerId' }), firstOffset: int64() },
        ),
        preferredReadReplica: int32({ since: 11, default: -1, entity: 'brokerId' }),
        records: records({ nullable: true }),
      }),
    }),
    nodeEndpoints: array(
      { tag: 0, since: 16 },
      {
        nodeId: int32({ mapKey: true, entity: 'brokerId' }),
        host: string(),
        port: int32(),
        rack: string({ nullable: true, default: null }),
      },
    ),
  },
)

export interface FetchResponse extends ValueOf<typeof FetchResponse> {}

export const Fetch = api({
  key: 1,
  name: 'Fetch',
  listeners: ['broker', 'controller'],
  request: FetchRequest,
  response: FetchResponse,
})
