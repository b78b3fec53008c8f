/** The `quorum-state` file: term and vote of a raft node (written as JSON). */
import { array, int32, int64, message, string, uuid, type ValueOf } from '../../schema.ts'

export const QuorumStateData = message(
  'QuorumStateData',
  { versions: '0-1', flexible: 0 },
  {
    clusterId: string({ until: 0 }),
    leaderId: int32({ default: -1 }),
    leaderEpoch: int32({ default: -1 }),
    votedId: int32({ default: -1 }),
    votedDirectoryId: uuid({ since: 1 }),
    appliedOffset: int64({ until: 0 }),
    currentVoters: array({ until: 0, nullable: true }, { voterId: int32() }),
  },
)

export interface QuorumStateData extends ValueOf<typeof QuorumStateData> {}
