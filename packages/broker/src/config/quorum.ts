import { ConfigError, type ConfigSet } from '@millrace/runtime'
import { nodeKeys } from './node-keys.ts'
import { quorumKeys as keys } from './quorum-keys.ts'
import { readRoles } from './roles.ts'

export interface VoterEndpoint {
  readonly id: number
  readonly host: string
  readonly port: number
}

export interface QuorumConfig {
  /** `controller.quorum.voters`: empty when the voters are kept in the metadata log. */
  readonly voters: readonly VoterEndpoint[]
  /** `controller.quorum.bootstrap.servers`: where to ask who leads. */
  readonly bootstrapServers: readonly { readonly host: string; readonly port: number }[]
}

/** How this node finds the quorum, checked against its roles as Apache Kafka does. Throws a ConfigError. */
export function readQuorum(config: ConfigSet): QuorumConfig {
  const { isBroker, isController } = readRoles(config)
  const nodeId = config.get(nodeKeys.nodeId)!
  const voters = config.get(keys.controllerQuorumVoters)!.map(parseVoter)
  const bootstrapServers = config.get(keys.controllerQuorumBootstrapServers)!.map(parseServer)
  if (voters.length === 0 && bootstrapServers.length === 0)
    throw new ConfigError('One of controller.quorum.bootstrap.servers and controller.quorum.voters must be given')
  const twice = voters.find(({ id }, index) => voters.findIndex(other => other.id === id) !== index)
  if (twice) throw new ConfigError(`controller.quorum.voters names node ${twice.id} twice`)
  const votes = voters.some(voter => voter.id === nodeId)
  if (isController && voters.length > 0 && !votes)
    throw new ConfigError(
      `controller.quorum.voters does not name this node, which is a controller: node.id is ${nodeId}`,
      'every node that it names, and no other, has the role controller',
    )
  if (isBroker && !isController && votes)
    throw new ConfigError(
      `controller.quorum.voters names this node, which is a broker alone: node.id is ${nodeId}`,
      'add controller to process.roles, or choose another node.id',
    )
  return { voters, bootstrapServers }
}

function parseVoter(text: string): VoterEndpoint {
  const match = /^(\d+)@(.+)$/.exec(text)
  const address = match && parseAddress(match[2]!)
  if (!match || !address)
    throw new ConfigError(`Invalid value ${text} for configuration controller.quorum.voters: must be id@host:port`)
  return { id: Number(match[1]), ...address }
}

function parseServer(text: string): { host: string; port: number } {
  const address = parseAddress(text)
  if (!address)
    throw new ConfigError(`Invalid value ${text} for configuration controller.quorum.bootstrap.servers: must be host:port`)
  return address
}

function parseAddress(text: string): { host: string; port: number } | null {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:@[\]]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  return match && port <= 65_535 ? { host: match[1] ?? match[2]!, port } : null
}
