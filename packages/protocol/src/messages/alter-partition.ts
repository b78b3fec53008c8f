/** AlterPartition (key 56): a partition leader asks the controller to change the in-sync set. */
import { api } from '../api.ts'
import { array, int8, int16, int32, int64, message, uuid, type ValueOf } from '../schema.ts'

export const AlterPartitionRequest = message(
  'AlterPartitionRequest',
  { versions: '2-3', flexible: 0 },
  {
    brokerId: int32({ entity: 'brokerId' }),
    brokerEpoch: int64({ default: -1 }),
    topics: array({
      topicId: uuid({ ignorable: true }),
      partitions: array({
        partitionIndex: int32(),
        leaderEpoch: int32(),
        newIsr: array({ until: 2, entity: 'brokerId' }, int32()),
        newIsrWithEpochs: array({ since: 3 }, { brokerId: int32({ entity: 'brokerId' }), brokerEpoch: int64({ default: -1 }) }),
        leaderRecoveryState: int8(),
        partitionEpoch: int32(),
      }),
    }),
  },
)

export interface AlterPartitionRequest extends ValueOf<typeof AlterPartitionRequest> {}

export const AlterPartitionResponse = message(
  'AlterPartitionResponse',
  { versions: '2-3', flexible: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    topics: array({
      topicId: uuid({ ignorable: true }),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        leaderId: int32({ entity: 'brokerId' }),
        leaderEpoch: int32(),
        isr: array({ entity: 'brokerId' }, int32()),
        leaderRecoveryState: int8({ ignorable: true }),
        partitionEpoch: int32(),
      }),
    }),
  },
)

export interface AlterPartitionResponse extends ValueOf<typeof AlterPartitionResponse> {}

export const AlterPartition = api({
  key: 56,
  name: 'AlterPartition',
  listeners: ['controller'],
  clusterAction: true,
  request: AlterPartitionRequest,
  response: AlterPartitionResponse,
})
