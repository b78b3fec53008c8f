import {
  AddRaftVoter,
  type Api,
  BeginQuorumEpoch,
  DescribeQuorum,
  EndQuorumEpoch,
  Fetch,
  FetchSnapshot,
  RemoveRaftVoter,
  UpdateRaftVoter,
  Vote,
} from '@millrace/protocol'
import { describeQuorum } from './describe-quorum.ts'
import { handleBeginQuorumEpoch, handleEndQuorumEpoch, handleVote } from './election-requests.ts'
import type { FetchRequests } from './fetch-requests.ts'
import { type LeaderHint, type Listener, leaderHint, type RaftContext } from './raft-context.ts'
import { handleFetchSnapshot } from './snapshot-requests.ts'
import type { VoterChanges } from './voter-changes.ts'

export interface RaftRequestsOptions {
  readonly context: RaftContext
  /** Where this node is reached. */
  readonly listeners: readonly Listener[]
  readonly fetches: FetchRequests
  readonly changes: VoterChanges
}

interface Asked<Request> {
  readonly request: Request
  readonly version: number
  /** The leader, with its address where the request came in. */
  readonly hint: () => LeaderHint
}

interface Route {
  readonly api: Api<any, any>
  readonly answer: (asked: Asked<any>, parts: RaftRequestsOptions) => unknown
}

function route<Request, Response>(
  api: Api<Request, Response>,
  answer: (asked: Asked<Request>, parts: RaftRequestsOptions) => Response | Promise<Response>,
): Route {
  return { api, answer }
}

const betweenMembers = [
  route(Vote, ({ request, hint }, { context }) => handleVote(context, request, hint)),
  route(BeginQuorumEpoch, ({ request, hint }, { context }) => handleBeginQuorumEpoch(context, request, hint)),
  route(EndQuorumEpoch, ({ request, hint }, { context }) => handleEndQuorumEpoch(context, request, hint)),
  route(Fetch, ({ request, version, hint }, { fetches }) => fetches.handle(version, request, hint)),
  route(FetchSnapshot, ({ request, hint }, { context }) => handleFetchSnapshot(context, request, hint)),
  route(UpdateRaftVoter, ({ request, hint }, { changes }) => changes.update(request, hint)),
]
const ofAdministrators = [
  route(DescribeQuorum, ({ request, version }, { context }) => describeQuorum(context, request, version)),
  route(AddRaftVoter, ({ request }, { changes }) => changes.add(request)),
  route(RemoveRaftVoter, ({ request }, { changes }) => changes.remove(request)),
]
const routes = new Map([...betweenMembers, ...ofAdministrators].map(found => [found.api.key, found]))

/** What members of the quorum ask one another, and administrators ask them. */
export const raftApis: readonly Api<any, any>[] = [...routes.values()].map(({ api }) => api)

/** An administrator's request that raft answers, not the controller. */
export function isRaftAdministration({ key }: Api<any, any>): boolean {
  return ofAdministrators.some(({ api }) => api.key === key)
}

/** Answers the requests of other nodes and of clients. */
export class RaftRequests {
  readonly #options: RaftRequestsOptions

  constructor(options: RaftRequestsOptions) {
    this.#options = options
  }

  /** The answer, or a promise of it; undefined for an API that is not raft's. The leader is named with its address at `listenerName`. */
  answer(apiKey: number, version: number, request: never, listenerName: string): unknown {
    const { context, listeners } = this.#options
    const hint = () => leaderHint(context, listeners, listenerName)
    return routes.get(apiKey)?.answer({ request, version, hint }, this.#options)
  }
}
