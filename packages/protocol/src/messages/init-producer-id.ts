/**
 * InitProducerId (key 22): gives a producer its id and epoch, and ends what its predecessor left open. 5 only allows
 * TRANSACTION_ABORTABLE; 6 is for two-phase commit.
 */
import { api } from '../api.ts'
import { bool, int16, int32, int64, message, string, type ValueOf } from '../schema.ts'

export const InitProducerIdRequest = message(
  'InitProducerIdRequest',
  { versions: '0-6', flexible: 2 },
  {
    transactionalId: string({ nullable: true, entity: 'transactionalId' }),
    transactionTimeoutMs: int32(),
    producerId: int64({ since: 3, default: -1, entity: 'producerId' }),
    producerEpoch: int16({ since: 3, default: -1 }),
    enable2Pc: bool({ since: 6 }),
    keepPreparedTxn: bool({ since: 6 }),
  },
)

export interface InitProducerIdRequest extends ValueOf<typeof InitProducerIdRequest> {}

export const InitProducerIdResponse = message(
  'InitProducerIdResponse',
  { versions: '0-6', flexible: 2 },
  {
    throttleTimeMs: int32({ ignorable: true }),
    errorCode: int16(),
    producerId: int64({ default: -1, entity: 'producerId' }),
    producerEpoch: int16(),
    ongoingTxnProducerId: int64({ since: 6, default: -1, entity: 'producerId' }),
    ongoingTxnProducerEpoch: int16({ since: 6, default: -1 }),
  },
)

export interface InitProducerIdResponse extends ValueOf<typeof InitProducerIdResponse> {}

export const InitProducerId = api({
  key: 22,
  name: 'InitProducerId',
  versions: '0-5',
  listeners: ['broker'],
  request: InitProducerIdRequest,
  response: InitProducerIdResponse,
})
