import { ConfigError, type ConfigSet } from '@millrace/runtime'
import { readListeners } from './listeners.ts'
import { nodeKeys } from './node-keys.ts'
import { quorumKeys as keys } from './quorum-keys.ts'

export interface VoterEndpoint {
  readonly id: number
  readonly host: string
  readonly port: number
}

/** `controller.quorum.voters`, empty when the voters are kept in the metadata log (`controller.quorum.bootstrap.servers`). Throws a ConfigError. */
export function readQuorum(config: ConfigSet): VoterEndpoint[] {
  const roles = config.get(nodeKeys.processRoles)!
  const nodeId = config.get(nodeKeys.nodeId)!
  if (roles.length !== 2)
    throw new ConfigError(
      `process.roles is ${roles.join(',') || 'empty'}, and this version runs nodes that are both broker and controller`,
      'set process.roles=broker,controller',
    )
  if (!readListeners(config).some(listener => listener.isController))
    throw new ConfigError('listeners names none of controller.listener.names', 'add one, such as CONTROLLER://:9093')
  const voters = config.get(keys.controllerQuorumVoters)!.map(parseVoter)
  const servers = config.get(keys.controllerQuorumBootstrapServers)!
  if (voters.length === 0 && servers.length === 0)
    throw new ConfigError('One of controller.quorum.bootstrap.servers and controller.quorum.voters must be given')
  if (voters.length > 0 && !voters.some(voter => voter.id === nodeId))
    throw new ConfigError(`controller.quorum.voters does not name this node: node.id is ${nodeId}`)
  if (voters.length > 1)
    throw new ConfigError(`controller.quorum.voters names ${voters.length} voters, and this version runs a quorum of one`)
  return voters
}

function parseVoter(text: string): VoterEndpoint {
  const match = /^(\d+)@(?:\[([0-9A-Fa-f:.]+)\]|([^:@]+)):(\d{1,5})$/.exec(text)
  if (!match || Number(match[4]) > 65_535)
    throw new ConfigError(`Invalid value ${text} for configuration controller.quorum.voters: must be id@host:port`)
  return { id: Number(match[1]), host: match[2] ?? match[3]!, port: Number(match[4]) }
}
