/** ShareFetch (key 78): acquires records of a share group, and acknowledges earlier ones. */
import { api } from '../api.ts'
import { array, bool, int8, int16, int32, int64, message, records, string, struct, uuid, type ValueOf } from '../schema.ts'

export const ShareFetchRequest = message(
  'ShareFetchRequest',
  { versions: '1-2', flexible: 0 },
  {
    groupId: string({ nullable: true, default: null, entity: 'groupId' }),
    memberId: string({ nullable: true }),
    shareSessionEpoch: int32(),
    maxWaitMs: int32(),
    minBytes: int32(),
    maxBytes: int32({ default: 0x7fffffff }),
    maxRecords: int32(),
    batchSize: int32(),
    shareAcquireMode: int8({ since: 2, ignorable: true }),
    isRenewAck: bool({ since: 2 }),
    topics: array({
      topicId: uuid({ mapKey: true }),
      partitions: array({
        partitionIndex: int32({ mapKey: true }),
        acknowledgementBatches: array({ firstOffset: int64(), lastOffset: int64(), acknowledgeTypes: array(int8()) }),
      }),
    }),
    forgottenTopicsData: array({ topicId: uuid(), partitions: array(int32()) }),
  },
)

export interface ShareFetchRequest extends ValueOf<typeof ShareFetchRequest> {}

export const ShareFetchResponse = message(
  'ShareFetchResponse',
  { versions: '1-2', flexible: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: true, default: null }),
    acquisitionLockTimeoutMs: int32(),
    responses: array({
      topicId: uuid({ mapKey: true }),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: true, default: null }),
        acknowledgeErrorCode: int16(),
        acknowledgeErrorMessage: string({ nullable: true, default: null }),
        currentLeader: struct({ leaderId: int32(), leaderEpoch: int32() }),
        records: records(),
        acquiredRecords: array({ firstOffset: int64(), lastOffset: int64(), deliveryCount: int16() }),
      }),
    }),
    nodeEndpoints: array({
      nodeId: int32({ mapKey: true, entity: 'brokerId' }),
      host: string(),
      port: int32(),
      rack: string({ nullable: true, default: null }),
    }),
  },
)

export interface ShareFetchResponse extends ValueOf<typeof ShareFetchResponse> {}

export const ShareFetch = api({
  key: 78,
  name: 'ShareFetch',
  listeners: ['broker'],
  request: ShareFetchRequest,
  response: ShareFetchResponse,
})
