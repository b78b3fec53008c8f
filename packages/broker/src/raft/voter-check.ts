import { MillraceError } from '@millrace/runtime'
import type { RaftNodeOptions } from './raft-node-options.ts'
import { voterOf } from './voter.ts'
import type { VoterSet } from './voter-set.ts'

/** A quorum in which this node could only wait for ever is a mistake of the configuration. Throws a MillraceError NOT_A_VOTER. */
export function checkVoters(options: RaftNodeOptions<never>, { kraftVersion, voters }: VoterSet): void {
  const { nodeId, directoryId, directory, canVote, bootstrapServers } = options
  const isVoter = voterOf(voters, { id: nodeId, directoryId }) !== undefined
  const isStatic = kraftVersion === 0 && voters.length > 0
  const canOthersLead = voters.some(({ id }) => id !== nodeId) || (voters.length === 0 && bootstrapServers.length > 0)
  if (isVoter || (isStatic ? !canVote : canOthersLead)) return
  const names = voters
    .map(voter => (kraftVersion === 0 ? voter.id : `${voter.id} with directory ${voter.directoryId}`))
    .join(', ')
  throw new MillraceError(
    'NOT_A_VOTER',
    `Node ${nodeId} with directory ${directoryId} is none of the voters of ${directory}: ${names || 'none'}`,
    {
      hint: names
        ? 'start the node on the directory that it was formatted with'
        : 'format with --standalone, or set controller.quorum.voters or controller.quorum.bootstrap.servers',
    },
  )
}
