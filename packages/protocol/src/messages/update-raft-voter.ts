/** UpdateRaftVoter (key 82): raft: a voter states its endpoints and versions. */
import { api } from '../api.ts'
import { array, int16, int32, message, string, struct, uint16, uuid, type ValueOf } from '../schema.ts'

export const UpdateRaftVoterRequest = message(
  'UpdateRaftVoterRequest',
  { versions: '0', flexible: 0 },
  {
    clusterId: string({ nullable: true }),
    currentLeaderEpoch: int32(),
    voterId: int32(),
    voterDirectoryId: uuid(),
    listeners: array({ name: string({ mapKey: true }), host: string(), port: uint16() }),
    kRaftVersionFeature: struct({ minSupportedVersion: int16(), maxSupportedVersion: int16() }),
  },
)

export interface UpdateRaftVoterRequest extends ValueOf<typeof UpdateRaftVoterRequest> {}

export const UpdateRaftVoterResponse = message(
  'UpdateRaftVoterResponse',
  { versions: '0', flexible: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    currentLeader: struct(
      { tag: 0 },
      {
        leaderId: int32({ default: -1, entity: 'brokerId' }),
        leaderEpoch: int32({ default: -1 }),
        host: string(),
        port: int32(),
      },
    ),
  },
)

export interface UpdateRaftVoterResponse extends ValueOf<typeof UpdateRaftVoterResponse> {}

export const UpdateRaftVoter = api({
  key: 82,
  name: 'UpdateRaftVoter',
  listeners: ['controller'],
  request: UpdateRaftVoterRequest,
  response: UpdateRaftVoterResponse,
})
