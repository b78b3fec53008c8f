/** ShareAcknowledge (key 79): acknowledges records of a share group. */
import { api } from '../api.ts'
import { array, bool, int8, int16, int32, int64, message, string, struct, uuid, type ValueOf } from '../schema.ts'

export const ShareAcknowledgeRequest = message(
  'ShareAcknowledgeRequest',
  { versions: '1-2', flexible: 0 },
  {
    groupId: string({ nullable: true, default: null, entity: 'groupId' }),
    memberId: string({ nullable: true }),
    shareSessionEpoch: int32(),
    isRenewAck: bool({ since: 2 }),
    topics: array({
      topicId: uuid({ mapKey: true }),
      partitions: array({
        partitionIndex: int32({ mapKey: true }),
        acknowledgementBatches: array({ firstOffset: int64(), lastOffset: int64(), acknowledgeTypes: array(int8()) }),
      }),
    }),
  },
)

export interface ShareAcknowledgeRequest extends ValueOf<typeof ShareAcknowledgeRequest> {}

export const ShareAcknowledgeResponse = message(
  'ShareAcknowledgeResponse',
  { versions: '1-2', flexible: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: true, default: null }),
    acquisitionLockTimeoutMs: int32({ since: 2, ignorable: true }),
    responses: array({
      topicId: uuid({ mapKey: true }),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: true, default: null }),
        currentLeader: struct({ leaderId: int32(), leaderEpoch: int32() }),
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

export interface ShareAcknowledgeResponse extends ValueOf<typeof ShareAcknowledgeResponse> {}

export const ShareAcknowledge = api({
  key: 79,
  name: 'ShareAcknowledge',
  listeners: ['broker'],
  request: ShareAcknowledgeRequest,
  response: ShareAcknowledgeResponse,
})
