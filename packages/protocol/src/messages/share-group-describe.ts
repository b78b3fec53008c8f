/** ShareGroupDescribe (key 77): state and members of share groups. */
import { api } from '../api.ts'
import { array, bool, int16, int32, message, string, struct, uuid, type ValueOf } from '../schema.ts'

export const ShareGroupDescribeRequest = message(
  'ShareGroupDescribeRequest',
  { versions: '1', flexible: 0 },
  { groupIds: array({ entity: 'groupId' }, string()), includeAuthorizedOperations: bool() },
)

export interface ShareGroupDescribeRequest extends ValueOf<typeof ShareGroupDescribeRequest> {}

const shareGroupDescribeResponseTopicPartitions = {
  topicId: uuid(),
  topicName: string({ entity: 'topicName' }),
  partitions: array(int32()),
} as const

const shareGroupDescribeResponseAssignment = { topicPartitions: array(shareGroupDescribeResponseTopicPartitions) } as const

export const ShareGroupDescribeResponse = message(
  'ShareGroupDescribeResponse',
  { versions: '1', flexible: 0 },
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
        rackId: string({ nullable: true, default: null }),
        memberEpoch: int32(),
        clientId: string(),
        clientHost: string(),
        subscribedTopicNames: array({ entity: 'topicName' }, string()),
        assignment: struct(shareGroupDescribeResponseAssignment),
      }),
      authorizedOperations: int32({ default: -2147483648 }),
    }),
  },
)

export interface ShareGroupDescribeResponse extends ValueOf<typeof ShareGroupDescribeResponse> {}

export const ShareGroupDescribe = api({
  key: 77,
  name: 'ShareGroupDescribe',
  listeners: ['broker'],
  request: ShareGroupDescribeRequest,
  response: ShareGroupDescribeResponse,
})
