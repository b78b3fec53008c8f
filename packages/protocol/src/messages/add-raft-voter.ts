/** AddRaftVoter (key 80): raft: adds a voter. */
import { api } from '../api.ts'
import { array, bool, int16, int32, message, string, uint16, uuid, type ValueOf } from '../schema.ts'

export const AddRaftVoterRequest = message(
  'AddRaftVoterRequest',
  { versions: '0-1', flexible: 0 },
  {
    clusterId: string({ nullable: true }),
    timeoutMs: int32(),
    voterId: int32(),
    voterDirectoryId: uuid(),
    listeners: array({ name: string({ mapKey: true }), host: string(), port: uint16() }),
    ackWhenCommitted: bool({ since: 1, default: true }),
  },
)

export interface AddRaftVoterRequest extends ValueOf<typeof AddRaftVoterRequest> {}

export const AddRaftVoterResponse = message(
  'AddRaftVoterResponse',
  { versions: '0-1', flexible: 0 },
  { throttleTimeMs: int32(), errorCode: int16(), errorMessage: string({ nullable: true, ignorable: true }) },
)

export interface AddRaftVoterResponse extends ValueOf<typeof AddRaftVoterResponse> {}

export const AddRaftVoter = api({
  key: 80,
  name: 'AddRaftVoter',
  listeners: ['broker', 'controller'],
  forwarded: true,
  request: AddRaftVoterRequest,
  response: AddRaftVoterResponse,
})
