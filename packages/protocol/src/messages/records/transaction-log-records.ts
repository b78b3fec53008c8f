/** Topic `__transaction_state`: one record for each change of a transaction. */
import { array, int8, int16, int32, int64, message, string, type ValueOf } from '../../schema.ts'

export const TransactionLogKey = message('TransactionLogKey', { type: 0, versions: '0' }, { transactionalId: string() })

export interface TransactionLogKey extends ValueOf<typeof TransactionLogKey> {}

export const TransactionLogValue = message(
  'TransactionLogValue',
  { type: 0, versions: '0-1', flexible: 1 },
  {
    producerId: int64(),
    previousProducerId: int64({ tag: 0, since: 1, default: -1 }),
    nextProducerId: int64({ tag: 1, since: 1, default: -1 }),
    producerEpoch: int16(),
    nextProducerEpoch: int16({ tag: 3, since: 1, default: -1 }),
    transactionTimeoutMs: int32(),
    transactionStatus: int8(),
    transactionPartitions: array({ nullable: true }, { topic: string(), partitionIds: array(int32()) }),
    transactionLastUpdateTimestampMs: int64(),
    transactionStartTimestampMs: int64(),
    clientTransactionVersion: int16({ tag: 2, since: 1 }),
  },
)

export interface TransactionLogValue extends ValueOf<typeof TransactionLogValue> {}
