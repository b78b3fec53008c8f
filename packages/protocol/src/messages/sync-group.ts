/** SyncGroup (key 14): the leader of a classic group hands over the assignment, the others receive theirs. */
import { api } from '../api.ts'
import { array, bytes, int16, int32, message, string, type ValueOf } from '../schema.ts'

export const SyncGroupRequest = message(
  'SyncGroupRequest',
  { versions: '0-5', flexible: 4 },
  {
    groupId: string({ entity: 'groupId' }),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: string({ since: 3, nullable: true, default: null }),
    protocolType: string({ since: 5, nullable: true, default: null, ignorable: true }),
    protocolName: string({ since: 5, nullable: true, default: null, ignorable: true }),
    assignments: array({ memberId: string(), assignment: bytes() }),
  },
)

export interface SyncGroupRequest extends ValueOf<typeof SyncGroupRequest> {}

export const SyncGroupResponse = message(
  'SyncGroupResponse',
  { versions: '0-5', flexible: 4 },
  {
    throttleTimeMs: int32({ since: 1, ignorable: true }),
    errorCode: int16(),
    protocolType: string({ since: 5, nullable: true, default: null, ignorable: true }),
    protocolName: string({ since: 5, nullable: true, default: null, ignorable: true }),
    assignment: bytes(),
  },
)

export interface SyncGroupResponse extends ValueOf<typeof SyncGroupResponse> {}

export const SyncGroup = api({
  key: 14,
  name: 'SyncGroup',
  listeners: ['broker'],
  request: SyncGroupRequest,
  response: SyncGroupResponse,
})
