/** ConsumerGroupDescribe (key 69): state, members and assignments of consumer groups. */
import { api } from '../api.ts'
import { array, bool, int8, int16, int32, message, string, struct, uuid, type ValueOf } from '../schema.ts'

export const ConsumerGroupDescribeRequest = message(
  'ConsumerGroupDescribeRequest',
  { versions: '0-1', flexible: 0 },
  { groupIds: array({ entity: 'groupId' }, string()), includeAuthorizedOperations: bool() },
)

export interface ConsumerGroupDescribeRequest extends ValueOf<typeof ConsumerGroupDescribeRequest> {}

const consumerGroupDescribeResponseTopicPartitions = {
  topicId: uuid(),
  topicName: string({ entity: 'topicName' }),
  partitions: array(int32()),
} as const

const consumerGroupDescribeResponseAssignment = { topicPartitions: array(consumerGroupDescribeResponseTopicPartitions) } as const

export const ConsumerGroupDescribeResponse = message(
  'ConsumerGroupDescribeResponse',
  { versions: '0-1', flexible: 0 },
  {
    throttleTimeMs: int32(),
    groups: array({
      errorCode: int16(),
      errorMessage: string({ nullable: true, default: null }),
      groupId: string({ entity: 'groupId' }),
      groupState: string(),
      groupEpoch: int32(),
      assignmentEpoch: int32(),
      assignorName: string(),
      members: array({
        memberId: string(),
        instanceId: string({ nullable: true, default: null }),
        rackId: string({ nullable: true, default: null }),
        memberEpoch: int32(),
        clientId: string(),
        clientHost: string(),
        subscribedTopicNames: array({ entity: 'topicName' }, string()),
        subscribedTopicRegex: string({ nullable: true, default: null }),
        assignment: struct(consumerGroupDescribeResponseAssignment),
        targetAssignment: struct(consumerGroupDescribeResponseAssignment),
        memberType: int8({ since: 1, default: -1, ignorable: true }),
      }),
      authorizedOperations: int32({ default: -2147483648 }),
    }),
  },
)

export interface ConsumerGroupDescribeResponse extends ValueOf<typeof ConsumerGroupDescribeResponse> {}

export const ConsumerGroupDescribe = api({
  key: 69,
  name: 'ConsumerGroupDescribe',
  listeners: ['broker'],
  request: ConsumerGroupDescribeRequest,
  response: ConsumerGroupDescribeResponse,
})
