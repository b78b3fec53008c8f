/** AddOffsetsToTxn (key 25): adds the offsets of a group to a transaction. */
import { api } from '../api.ts'
import { int16, int32, int64, message, string, type ValueOf } from '../schema.ts'

export const AddOffsetsToTxnRequest = message(
  'AddOffsetsToTxnRequest',
  { versions: '0-4', flexible: 3 },
  {
    transactionalId: string({ entity: 'transactionalId' }),
    producerId: int64({ entity: 'producerId' }),
    producerEpoch: int16(),
    groupId: string({ entity: 'groupId' }),
  },
)

export interface AddOffsetsToTxnRequest extends ValueOf<typeof AddOffsetsToTxnRequest> {}

export const AddOffsetsToTxnResponse = message(
  'AddOffsetsToTxnResponse',
  { versions: '0-4', flexible: 3 },
  { throttleTimeMs: int32(), errorCode: int16() },
)

export interface AddOffsetsToTxnResponse extends ValueOf<typeof AddOffsetsToTxnResponse> {}

export const AddOffsetsToTxn = api({
  key: 25,
  name: 'AddOffsetsToTxn',
  listeners: ['broker'],
  request: AddOffsetsToTxnRequest,
  response: AddOffsetsToTxnResponse,
})
