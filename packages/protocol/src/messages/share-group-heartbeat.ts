/** ShareGroupHeartbeat (key 76): the heartbeat of share group members (KIP-932). */
import { api } from '../api.ts'
import { array, int16, int32, message, string, struct, uuid, type ValueOf } from '../schema.ts'

export const ShareGroupHeartbeatRequest = message(
  'ShareGroupHeartbeatRequest',
  { versions: '1', flexible: 0 },
  {
    groupId: string({ entity: 'groupId' }),
    memberId: string(),
    memberEpoch: int32(),
    rackId: string({ nullable: true, default: null }),
    subscribedTopicNames: array({ nullable: true, default: null, entity: 'topicName' }, string()),
  },
)

export interface ShareGroupHeartbeatRequest extends ValueOf<typeof ShareGroupHeartbeatRequest> {}

const shareGroupHeartbeatResponseTopicPartitions = { topicId: uuid(), partitions: array(int32()) } as const

export const ShareGroupHeartbeatResponse = message(
  'ShareGroupHeartbeatResponse',
  { versions: '1', flexible: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: true, default: null }),
    memberId: string({ nullable: true, default: null }),
    memberEpoch: int32(),
    heartbeatIntervalMs: int32(),
    assignment: struct({ nullable: true, default: null }, { topicPartitions: array(shareGroupHeartbeatResponseTopicPartitions) }),
  },
)

export interface ShareGroupHeartbeatResponse extends ValueOf<typeof ShareGroupHeartbeatResponse> {}

export const ShareGroupHeartbeat = api({
  key: 76,
  name: 'ShareGroupHeartbeat',
  listeners: ['broker'],
  request: ShareGroupHeartbeatRequest,
  response: ShareGroupHeartbeatResponse,
})
