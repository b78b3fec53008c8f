/** RemoveRaftVoter (key 81): raft: removes a voter. */
import { api } from '../api.ts'
import { int16, int32, message, string, uuid, type ValueOf } from '../schema.ts'

export const RemoveRaftVoterRequest = message(
  'RemoveRaftVoterRequest',
  { versions: '0', flexible: 0 },
  { clusterId: string({ nullable: true }), voterId: int32(), voterDirectoryId: uuid() },
)

export interface RemoveRaftVoterRequest extends ValueOf<typeof RemoveRaftVoterRequest> {}

export const RemoveRaftVoterResponse = message(
  'RemoveRaftVoterResponse',
  { versions: '0', flexible: 0 },
  { throttleTimeMs: int32(), errorCode: int16(), errorMessage: string({ nullable: true, ignorable: true }) },
)

export interface RemoveRaftVoterResponse extends ValueOf<typeof RemoveRaftVoterResponse> {}

export const RemoveRaftVoter = api({
  key: 81,
  name: 'RemoveRaftVoter',
  listeners: ['broker', 'controller'],
  forwarded: true,
  request: RemoveRaftVoterRequest,
  response: RemoveRaftVoterResponse,
})
