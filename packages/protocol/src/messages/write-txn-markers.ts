/** WriteTxnMarkers (key 27): the transaction coordinator has its decision written into partitions. */
import { api } from '../api.ts'
import { array, bool, int8, int16, int32, int64, message, string, type ValueOf } from '../schema.ts'

export const WriteTxnMarkersRequest = message(
  'WriteTxnMarkersRequest',
  { versions: '1-2', flexible: 1 },
  {
    markers: array({
      producerId: int64({ entity: 'producerId' }),
      producerEpoch: int16(),
      transactionResult: bool(),
      topics: array({ name: string({ entity: 'topicName' }), partitionIndexes: array(int32()) }),
      coordinatorEpoch: int32(),
      transactionVersion: int8({ since: 2, ignorable: true }),
    }),
  },
)

export interface WriteTxnMarkersRequest extends ValueOf<typeof WriteTxnMarkersRequest> {}

export const WriteTxnMarkersResponse = message(
  'WriteTxnMarkersResponse',
  { versions: '1-2', flexible: 1 },
  {
    markers: array({
      producerId: int64({ entity: 'producerId' }),
      topics: array({
        name: string({ entity: 'topicName' }),
        partitions: array({ partitionIndex: int32(), errorCode: int16() }),
      }),
    }),
  },
)

export interface WriteTxnMarkersResponse extends ValueOf<typeof WriteTxnMarkersResponse> {}

export const WriteTxnMarkers = api({
  key: 27,
  name: 'WriteTxnMarkers',
  listeners: ['broker'],
  clusterAction: true,
  request: WriteTxnMarkersRequest,
  response: WriteTxnMarkersResponse,
})
