/**
 * AddPartitionsToTxn (key 24): adds partitions to a transaction. Up to 3 for producers; from 4 between brokers, several
 * transactions at once, also only to verify.
 */
import { api } from '../api.ts'
import { array, bool, int16, int32, int64, message, string, type ValueOf } from '../schema.ts'

const addPartitionsToTxnRequestAddPartitionsToTxnTopic = {
  name: string({ mapKey: true, entity: 'topicName' }),
  partitions: array(int32()),
} as const

export const AddPartitionsToTxnRequest = message(
  'AddPartitionsToTxnRequest',
  { versions: '0-5', flexible: 3 },
  {
    transactions: array(
      { since: 4 },
      {
        transactionalId: string({ mapKey: true, entity: 'transactionalId' }),
        producerId: int64({ entity: 'producerId' }),
        producerEpoch: int16(),
        verifyOnly: bool(),
        topics: array(addPartitionsToTxnRequestAddPartitionsToTxnTopic),
      },
    ),
    v3AndBelowTransactionalId: string({ until: 3, entity: 'transactionalId' }),
    v3AndBelowProducerId: int64({ until: 3, entity: 'producerId' }),
    v3AndBelowProducerEpoch: int16({ until: 3 }),
    v3AndBelowTopics: array({ until: 3 }, addPartitionsToTxnRequestAddPartitionsToTxnTopic),
  },
)

export interface AddPartitionsToTxnRequest extends ValueOf<typeof AddPartitionsToTxnRequest> {}

const addPartitionsToTxnResponseAddPartitionsToTxnPartitionResult = {
  partitionIndex: int32({ mapKey: true }),
  partitionErrorCode: int16(),
} as const

const addPartitionsToTxnResponseAddPartitionsToTxnTopicResult = {
  name: string({ mapKey: true, entity: 'topicName' }),
  resultsByPartition: array(addPartitionsToTxnResponseAddPartitionsToTxnPartitionResult),
} as const

export const AddPartitionsToTxnResponse = message(
  'AddPartitionsToTxnResponse',
  { versions: '0-5', flexible: 3 },
  {
    throttleTimeMs: int32(),
    errorCode: int16({ since: 4, ignorable: true }),
    resultsByTransaction: array(
      { since: 4 },
      {
        transactionalId: string({ mapKey: true, entity: 'transactionalId' }),
        topicResults: array(addPartitionsToTxnResponseAddPartitionsToTxnTopicResult),
      },
    ),
    resultsByTopicV3AndBelow: array({ until: 3 }, addPartitionsToTxnResponseAddPartitionsToTxnTopicResult),
  },
)

export interface AddPartitionsToTxnResponse extends ValueOf<typeof AddPartitionsToTxnResponse> {}

export const AddPartitionsToTxn = api({
  key: 24,
  name: 'AddPartitionsToTxn',
  listeners: ['broker'],
  request: AddPartitionsToTxnRequest,
  response: AddPartitionsToTxnResponse,
})
