/** Heartbeat (key 12): a member of a classic group is alive. */
import { api } from '../api.ts'
import { int16, int32, message, string, type ValueOf } from '../schema.ts'

export const HeartbeatRequest = message(
  'HeartbeatRequest',
  { versions: '0-4', flexible: 4 },
  {
    groupId: string({ entity: 'groupId' }),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: string({ since: 3, nullable: true, default: null }),
  },
)

export interface HeartbeatRequest extends ValueOf<typeof HeartbeatRequest> {}

export const HeartbeatResponse = message(
  'HeartbeatResponse',
  { versions: '0-4', flexible: 4 },
  { throttleTimeMs: int32({ since: 1, ignorable: true }), errorCode: int16() },
)

export interface HeartbeatResponse extends ValueOf<typeof HeartbeatResponse> {}

export const Heartbeat = api({
  key: 12,
  name: 'Heartbeat',
  listeners: ['broker'],
  request: HeartbeatRequest,
  response: HeartbeatResponse,
})
