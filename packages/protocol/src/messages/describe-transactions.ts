/** DescribeTransactions (key 65): state of transactions by transactional id. */
import { api } from '../api.ts'
import { array, int16, int32, int64, message, string, type ValueOf } from '../schema.ts'

export const DescribeTransactionsRequest = message(
  'DescribeTransactionsRequest',
  { versions: '0', flexible: 0 },
  { transactionalIds: array({ entity: 'transactionalId' }, string()) },
)

export interface DescribeTransactionsRequest extends ValueOf<typeof DescribeTransactionsRequest> {}

export const DescribeTransactionsResponse = message(
  'DescribeTransactionsResponse',
  { versions: '0', flexible: 0 },
  {
    throttleTimeMs: int32(),
    transactionStates: array({
      errorCode: int16(),
      transactionalId: string({ entity: 'transactionalId' }),
      transactionState: string(),
      transactionTimeoutMs: int32(),
      transactionStartTimeMs: int64(),
      producerId: int64({ entity: 'producerId' }),
      producerEpoch: int16(),
      topics: array({ topic: string({ mapKey: true, entity: 'topicName' }), partitions: array(int32()) }),
    }),
  },
)

export interface DescribeTransactionsResponse extends ValueOf<typeof DescribeTransactionsResponse> {}

export const DescribeTransactions = api({
  key: 65,
  name: 'DescribeTransactions',
  listeners: ['broker'],
  request: DescribeTransactionsRequest,
  response: DescribeTransactionsResponse,
})
