/** ListTransactions (key 66): the transactions that a broker coordinates. */
import { api } from '../api.ts'
import { array, int16, int32, int64, message, string, type ValueOf } from '../schema.ts'

export const ListTransactionsRequest = message(
  'ListTransactionsRequest',
  { versions: '0-2', flexible: 0 },
  {
    stateFilters: array(string()),
    producerIdFilters: array({ entity: 'producerId' }, int64()),
    durationFilter: int64({ since: 1, default: -1 }),
    transactionalIdPattern: string({ since: 2, nullable: true, default: null }),
  },
)

export interface ListTransactionsRequest extends ValueOf<typeof ListTransactionsRequest> {}

export const ListTransactionsResponse = message(
  'ListTransactionsResponse',
  { versions: '0-2', flexible: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    unknownStateFilters: array(string()),
    transactionStates: array({
      transactionalId: string({ entity: 'transactionalId' }),
      producerId: int64({ entity: 'producerId' }),
      transactionState: string(),
    }),
  },
)

export interface ListTransactionsResponse extends ValueOf<typeof ListTransactionsResponse> {}

export const ListTransactions = api({
  key: 66,
  name: 'ListTransactions',
  listeners: ['broker'],
  request: ListTransactionsRequest,
  response: ListTransactionsResponse,
})
