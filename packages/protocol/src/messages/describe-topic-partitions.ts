/** DescribeTopicPartitions (key 75): partitions of topics in pages, with eligible leader replicas (KIP-966). */
import { api } from '../api.ts'
import { array, bool, int16, int32, message, string, struct, uuid, type ValueOf } from '../schema.ts'

export const DescribeTopicPartitionsRequest = message(
  'DescribeTopicPartitionsRequest',
  { versions: '0', flexible: 0 },
  {
    topics: array({ name: string({ entity: 'topicName' }) }),
    responsePartitionLimit: int32({ default: 2000 }),
    cursor: struct({ nullable: true, default: null }, { topicName: string({ entity: 'topicName' }), partitionIndex: int32() }),
  },
)

export interface DescribeTopicPartitionsRequest extends ValueOf<typeof DescribeTopicPartitionsRequest> {}

export const DescribeTopicPartitionsResponse = message(
  'DescribeTopicPartitionsResponse',
  { versions: '0', flexible: 0 },
  {
    throttleTimeMs: int32({ ignorable: true }),
    topics: array({
      errorCode: int16(),
      name: string({ nullable: true, mapKey: true, entity: 'topicName' }),
      topicId: uuid({ ignorable: true }),
      isInternal: bool({ ignorable: true }),
      partitions: array({
        errorCode: int16(),
        partitionIndex: int32(),
        leaderId: int32({ entity: 'brokerId' }),
        leaderEpoch: int32({ default: -1, ignorable: true }),
        replicaNodes: array({ entity: 'brokerId' }, int32()),
        isrNodes: array({ entity: 'brokerId' }, int32()),
        eligibleLeaderReplicas: array({ nullable: true, default: null, entity: 'brokerId' }, int32()),
        lastKnownElr: array({ nullable: true, default: null, entity: 'brokerId' }, int32()),
        offlineReplicas: array({ ignorable: true, entity: 'brokerId' }, int32()),
      }),
      topicAuthorizedOperations: int32({ default: -2147483648 }),
    }),
    nextCursor: struct(
      { nullable: true, default: null },
      { topicName: string({ entity: 'topicName' }), partitionIndex: int32() },
    ),
  },
)

export interface DescribeTopicPartitionsResponse extends ValueOf<typeof DescribeTopicPartitionsResponse> {}

export const DescribeTopicPartitions = api({
  key: 75,
  name: 'DescribeTopicPartitions',
  listeners: ['broker'],
  request: DescribeTopicPartitionsRequest,
  response: DescribeTopicPartitionsResponse,
})
