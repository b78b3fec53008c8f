/** DescribeProducers (key 61): the producers that a partition leader knows. */
import { api } from '../api.ts'
import { array, int16, int32, int64, message, string, type ValueOf } from '../schema.ts'

export const DescribeProducersRequest = message(
  'DescribeProducersRequest',
  { versions: '0', flexible: 0 },
  { topics: array({ name: string({ mapKey: true, entity: 'topicName' }), partitionIndexes: array(int32()) }) },
)

export interface DescribeProducersRequest extends ValueOf<typeof DescribeProducersRequest> {}

export const DescribeProducersResponse = message(
  'DescribeProducersResponse',
  { versions: '0', flexible: 0 },
  {
    throttleTimeMs: int32(),
    topics: array({
      name: string({ entity: 'topicName' }),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: true, default: null }),
        activeProducers: array({
          producerId: int64({ entity: 'producerId' }),
          producerEpoch: int32(),
          lastSequence: int32({ default: -1 }),
          lastTimestamp: int64({ default: -1 }),
          coordinatorEpoch: int32(),
          currentTxnStartOffset: int64({ default: -1 }),
        }),
      }),
    }),
  },
)

export interface DescribeProducersResponse extends ValueOf<typeof DescribeProducersResponse> {}

export const DescribeProducers = api({
  key: 61,
  name: 'DescribeProducers',
  listeners: ['broker'],
  request: DescribeProducersRequest,
  response: DescribeProducersResponse,
})
