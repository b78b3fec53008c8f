/**
 * EndTxn (key 26): commits or aborts a transaction. 4 only allows TRANSACTION_ABORTABLE; 5 answers with the next producer id and
 * epoch.
 */
import { api } from '../api.ts'
import { bool, int16, int32, int64, message, string, type ValueOf } from '../schema.ts'

export const EndTxnRequest = message(
  'EndTxnRequest',
  { versions: '0-5', flexible: 3 },
  {
    transactionalId: string({ entity: 'transactionalId' }),
    producerId: int64({ entity: 'producerId' }),
    producerEpoch: int16(),
    committed: bool(),
  },
)

export interface EndTxnRequest extends ValueOf<typeof EndTxnRequest> {}

export const EndTxnResponse = message(
  'EndTxnResponse',
  { versions: '0-5', flexible: 3 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    producerId: int64({ since: 5, default: -1, ignorable: true, entity: 'producerId' }),
    producerEpoch: int16({ since: 5, default: -1, ignorable: true }),
  },
)

export interface EndTxnResponse extends ValueOf<typeof EndTxnResponse> {}

export const EndTxn = api({ key: 26, name: 'EndTxn', listeners: ['broker'], request: EndTxnRequest, response: EndTxnResponse })
