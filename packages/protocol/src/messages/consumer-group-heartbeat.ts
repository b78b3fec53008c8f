/**
 * ConsumerGroupHeartbeat (key 68): the one request of consumer group members (KIP-848): join, report, receive the assignment,
 * leave. From 1 the member makes its own id and may subscribe by a pattern that the broker resolves.
 */
import { api } from '../api.ts'
import { array, int16, int32, message, string, struct, uuid, type ValueOf } from '../schema.ts'

export const ConsumerGroupHeartbeatRequest = message(
  'ConsumerGroupHeartbeatRequest',
  { versions: '0-1', flexible: 0 },
  {
    groupId: string({ entity: 'groupId' }),
    memberId: string(),
    memberEpoch: int32(),
    instanceId: string({ nullable: true, default: null }),
    rackId: string({ nullable: true, default: null }),
    rebalanceTimeoutMs: int32({ default: -1 }),
    subscribedTopicNames: array({ nullable: true, default: null, entity: 'topicName' }, string()),
    subscribedTopicRegex: string({ since: 1, nullable: true, default: null }),
    serverAssignor: string({ nullable: true, default: null }),
    topicPartitions: array({ nullable: true, default: null }, { topicId: uuid(), partitions: array(int32()) }),
  },
)

export interface ConsumerGroupHeartbeatRequest extends ValueOf<typeof ConsumerGroupHeartbeatRequest> {}

const consumerGroupHeartbeatResponseTopicPartitions = { topicId: uuid(), partitions: array(int32()) } as const

export const ConsumerGroupHeartbeatResponse = message(
  'ConsumerGroupHeartbeatResponse',
  { versions: '0-1', flexible: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: true, default: null }),
    memberId: string({ nullable: true, default: null }),
    memberEpoch: int32(),
    heartbeatIntervalMs: int32(),
    assignment: struct(
      { nullable: true, default: null },
      { topicPartitions: array(consumerGroupHeartbeatResponseTopicPartitions) },
    ),
  },
)

export interface ConsumerGroupHeartbeatResponse extends ValueOf<typeof ConsumerGroupHeartbeatResponse> {}

export const ConsumerGroupHeartbeat = api({
  key: 68,
  name: 'ConsumerGroupHeartbeat',
  listeners: ['broker'],
  request: ConsumerGroupHeartbeatRequest,
  response: ConsumerGroupHeartbeatResponse,
})
