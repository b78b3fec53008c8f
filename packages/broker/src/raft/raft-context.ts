import type { Logger, World } from '@millrace/runtime'
import type { Raft } from './raft.ts'
import type { RaftInput } from './raft-input.ts'
import type { RaftLog } from './raft-log.ts'
import type { RaftTimeouts } from './raft-node-options.ts'
import type { RaftTransport } from './raft-transport.ts'
import type { Endpoint, Voter } from './voter.ts'
import type { VoterSet } from './voter-set.ts'

/** What the parts of a RaftNode see of it. */
export interface RaftContext {
  readonly world: World
  readonly logger: Logger
  readonly clusterId: string
  /** This node with its directory. */
  readonly self: Voter
  readonly listenerName: string
  readonly timeouts: RaftTimeouts
  readonly transport: RaftTransport
  readonly raft: Raft
  readonly raftLog: RaftLog
  readonly voters: VoterSet
  readonly isStopped: boolean
  /** Steps the machine and acts on what changed. */
  submit(input: RaftInput): void
  /** The log has another end, and maybe other voters: tells the machine. */
  logChanged(): void
  fail(error: Error): void
}

/** What answers and errors say about the leader. */
export interface LeaderHint {
  /** -1: not known. */
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly endpoint: Endpoint | null
}

/** Who leads, as this node tells others. */
export function leaderHint(context: RaftContext, ownListeners: readonly Listener[], listenerName: string): LeaderHint {
  const { raft, voters, listenerName: ownName } = context
  const { leaderId, epoch: leaderEpoch } = raft
  if (leaderId < 0) return { leaderId, leaderEpoch, endpoint: null }
  if (raft.role !== 'leader') {
    const { endpoints = [] } = voters.voters.find(({ id }) => id === leaderId) ?? {}
    const there = listenerName === ownName ? undefined : endpoints.find(({ name }) => name === listenerName)
    const known = raft.leaderEndpoint ?? voters.endpointOf(leaderId)
    return { leaderId, leaderEpoch, endpoint: there ? { host: there.host, port: there.port } : known }
  }
  const own = ownListeners.find(({ name }) => name === listenerName) ?? ownListeners[0]
  return { leaderId, leaderEpoch, endpoint: own ? { host: own.host, port: own.port } : voters.endpointOf(leaderId) }
}

export interface Listener {
  readonly name: string
  readonly host: string
  readonly port: number
}

/** The hint as `nodeEndpoints` of an answer. */
export function nodeEndpoints({ leaderId, endpoint }: LeaderHint): { nodeId: number; host: string; port: number }[] {
  return endpoint ? [{ nodeId: leaderId, ...endpoint }] : []
}

/** Takes what an answer of node `from` says about the leader; an epoch below 0 says nothing. */
export function hearLeader(
  context: RaftContext,
  from: number,
  leaderId: number,
  epoch: number,
  endpoints: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[],
): void {
  if (epoch < 0) return
  const named = endpoints.find(({ nodeId }) => nodeId === leaderId)
  const endpoint = named ? { host: named.host, port: named.port } : context.voters.endpointOf(leaderId)
  context.submit({ kind: 'leader-heard', epoch, leaderId, endpoint, byItself: from === leaderId })
}
