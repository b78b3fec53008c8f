import { zeroUuid } from '@millrace/protocol'
import type { ControlRecord } from './control-records.ts'
import type { Raft } from './raft.ts'
import type { Listener } from './raft-context.ts'
import { type Voter, voterOf } from './voter.ts'
import { type VoterSet, votersRecord } from './voter-set.ts'

/** The first batch of a new leader: who leads, and who votes if the log does not have that yet, or not with the leader's endpoints of today. */
export function epochStartRecords(self: Voter, raft: Raft, voterSet: VoterSet, listeners: readonly Listener[]): ControlRecord[] {
  // Apache Kafka 4.3 writes and reads version 0, which has no directories, in a dynamic quorum too.
  const ids = (voters: readonly Voter[]) => voters.map(({ id }) => ({ voterId: id, voterDirectoryId: zeroUuid }))
  const voters = ids(raft.voters)
  const value = { version: 0, leaderId: self.id, voters, grantingVoters: ids(raft.grantingVoters) }
  return [{ type: 'LeaderChange', value }, ...repeatedVoters(self, voterSet, listeners)]
}

function repeatedVoters(
  self: Voter,
  { kraftVersion, voters, votersOffset }: VoterSet,
  endpoints: readonly Listener[],
): ControlRecord[] {
  if (kraftVersion === 0) return []
  const own = voterOf(voters, self)
  const isCurrent = endpoints.length === 0 || (own !== undefined && hasEndpoints(own.endpoints, endpoints))
  if (votersOffset >= 0 && isCurrent) return []
  const updated = isCurrent ? voters : voters.map(voter => (voter === own ? { ...voter, endpoints } : voter))
  return [
    { type: 'KRaftVersion', value: { version: 0, kRaftVersion: kraftVersion } },
    { type: 'KRaftVoters', value: votersRecord(updated) },
  ]
}

/** Whether both name the same addresses, in any order. */
export function hasEndpoints(known: readonly Listener[], listeners: readonly Listener[]): boolean {
  const isKnown = ({ name, host, port }: Listener) =>
    known.some(other => other.name === name && other.host === host && other.port === port)
  return known.length === listeners.length && listeners.every(isKnown)
}
