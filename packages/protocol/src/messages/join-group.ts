/**
 * JoinGroup (key 11): a member enters a classic group and waits for the others. From 4 the first answer only gives the member
 * its id.
 */
import { api } from '../api.ts'
import { array, bool, bytes, int16, int32, message, string, type ValueOf } from '../schema.ts'

export const JoinGroupRequest = message(
  'JoinGroupRequest',
  { versions: '0-9', flexible: 6 },
  {
    groupId: string({ entity: 'groupId' }),
    sessionTimeoutMs: int32(),
    rebalanceTimeoutMs: int32({ since: 1, default: -1, ignorable: true }),
    memberId: string(),
    groupInstanceId: string({ since: 5, nullable: true, default: null }),
    protocolType: string(),
    protocols: array({ name: string({ mapKey: true }), metadata: bytes() }),
    reason: string({ since: 8, nullable: true, default: null, ignorable: true }),
  },
)

export interface JoinGroupRequest extends ValueOf<typeof JoinGroupRequest> {}

export const JoinGroupResponse = message(
  'JoinGroupResponse',
  { versions: '0-9', flexible: 6 },
  {
    throttleTimeMs: int32({ since: 2, ignorable: true }),
    errorCode: int16(),
    generationId: int32({ default: -1 }),
    protocolType: string({ since: 7, nullable: true, default: null, ignorable: true }),
    protocolName: string({ nullable: 7 }),
    leader: string(),
    skipAssignment: bool({ since: 9 }),
    memberId: string(),
    members: array({
      memberId: string(),
      groupInstanceId: string({ since: 5, nullable: true, default: null, ignorable: true }),
      metadata: bytes(),
    }),
  },
)

export interface JoinGroupResponse extends ValueOf<typeof JoinGroupResponse> {}

export const JoinGroup = api({
  key: 11,
  name: 'JoinGroup',
  listeners: ['broker'],
  request: JoinGroupRequest,
  response: JoinGroupResponse,
})
