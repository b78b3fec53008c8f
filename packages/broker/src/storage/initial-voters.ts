import { isUuid, zeroUuid } from '@millrace/protocol'
import { type ConfigSet, MillraceError } from '@millrace/runtime'
import { controllerListenerNames, readListeners } from '../config/listeners.ts'
import { nodeKeys } from '../config/node-keys.ts'
import { readQuorum } from '../config/quorum.ts'
import { readRoles } from '../config/roles.ts'
import type { VoterEndpoints } from '../raft/voter-set.ts'

/** A voter of a dynamic quorum, as `--initial-controllers` names it. */
export interface InitialController {
  readonly id: number
  readonly host: string
  readonly port: number
  /** Becomes the `directory.id` of its metadata log's directory. */
  readonly directoryId: string
}

export interface InitialVotersOptions {
  /** This node becomes the only voter of a dynamic quorum. */
  readonly standalone?: boolean
  /** The voters of a dynamic quorum; the same for every node that is formatted. */
  readonly initialControllers?: readonly InitialController[]
  /** The node joins a quorum that is there already, or is added to it later. */
  readonly noInitialControllers?: boolean
}

/**
 * The voters that the first checkpoint of the metadata log names; null: none does, as the voters are static or those of a quorum that the node finds. `directoryId` is
 * that of the metadata log here. Throws a MillraceError QUORUM_MISMATCH where the options and server.properties say different things, or nothing.
 */
export function initialVoters(config: ConfigSet, options: InitialVotersOptions, directoryId: string): VoterEndpoints[] | null {
  const { standalone = false, initialControllers = [], noInitialControllers = false } = options
  const { voters } = readQuorum(config)
  const { isController } = readRoles(config)
  const ways = [
    standalone && '--standalone',
    initialControllers.length > 0 && '--initial-controllers',
    noInitialControllers && '--no-initial-controllers',
  ].filter(way => way !== false)
  if (ways.length > 1) throw mismatch(`${ways.join(' and ')} exclude one another`, 'give one of them')
  if (voters.length > 0 && ways.length > 0)
    throw mismatch(`controller.quorum.voters and ${ways[0]} exclude one another`, `leave out ${ways[0]} for static voters`)
  if (voters.length === 0 && ways.length === 0 && isController)
    throw mismatch(
      'Nobody votes: controller.quorum.voters is not set',
      'add --standalone to make this node the only voter, --initial-controllers to name all of them, or --no-initial-controllers for a node that joins others',
    )
  if (standalone && !isController)
    throw mismatch('--standalone makes a controller, and process.roles has none', 'add controller to process.roles')
  const id = config.get(nodeKeys.nodeId)!
  if (standalone) {
    const controller = readListeners(config).find(listener => listener.isController)!
    return [{ id, directoryId, endpoints: [{ name: controller.name, ...controller.advertised }] }]
  }
  if (initialControllers.length === 0) return null
  const name = controllerListenerNames(config)[0]!
  return initialControllers.map(voter => ({
    id: voter.id,
    directoryId: voter.directoryId,
    endpoints: [{ name, host: voter.host, port: voter.port }],
  }))
}

/** Reads `id@host:port:directory-id,…`. Throws a MillraceError QUORUM_MISMATCH. */
export function parseInitialControllers(text: string): InitialController[] {
  const controllers = text.split(',').map((part): InitialController => {
    const match = /^(\d{1,10})@(?:\[([0-9A-Fa-f:.]+)\]|([^:@[\]]+)):(\d{1,5}):([\w-]{22})$/.exec(part)
    const directoryId = match?.[5] ?? ''
    const port = Number(match?.[4])
    if (!match || port > 65_535 || !isUuid(directoryId) || directoryId === zeroUuid)
      throw mismatch(`${JSON.stringify(part)} is not an initial controller: id@host:port:directory-id`, directoryIdHint)
    return { id: Number(match[1]), host: match[2] ?? match[3]!, port, directoryId }
  })
  for (const key of ['id', 'directoryId'] as const) {
    const twice = controllers.find((one, i) => controllers.findIndex(other => other[key] === one[key]) !== i)
    if (twice)
      throw mismatch(
        `--initial-controllers names the ${key === 'id' ? 'node' : 'directory'} ${twice[key]} twice`,
        directoryIdHint,
      )
  }
  return controllers
}

const directoryIdHint = 'each needs a directory id of its own: millrace storage random-uuid makes one'

function mismatch(message: string, hint: string): MillraceError {
  return new MillraceError('QUORUM_MISMATCH', message, { hint })
}
