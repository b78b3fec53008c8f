import {
  AddRaftVoter,
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
import { type Listener, leaderHint, type RaftContext } from './raft-context.ts'
import { handleFetchSnapshot } from './snapshot-requests.ts'
import type { VoterChanges } from './voter-changes.ts'

export interface RaftRequestsOptions {
  readonly context: RaftContext
  /** Where this node is reached. */
  readonly listeners: readonly Listener[]
  readonly fetches: FetchRequests
  readonly changes: VoterChanges
}

/** Answers the requests of other nodes and of clients. */
export class RaftRequests {
  readonly #options: RaftRequestsOptions

  constructor(options: RaftRequestsOptions) {
    this.#options = options
  }

  /** The answer, or a promise of it; undefined for an API that is not raft's. The leader is named with its address at `listenerName`. */
  answer(apiKey: number, version: number, request: never, listenerName: string): unknown {
    const { context, listeners, fetches, changes } = this.#options
    const hint = () => leaderHint(context, listeners, listenerName)
    switch (apiKey) {
      case Vote.key:
        return handleVote(context, request, hint)
      case BeginQuorumEpoch.key:
        return handleBeginQuorumEpoch(context, request, hint)
      case EndQuorumEpoch.key:
        return handleEndQuorumEpoch(context, request, hint)
      case Fetch.key:
        return fetches.handle(version, request, hint)
      case FetchSnapshot.key:
        return handleFetchSnapshot(context, request, hint)
      case DescribeQuorum.key:
        return describeQuorum(context, request, version)
      case AddRaftVoter.key:
        return changes.add(request)
      case RemoveRaftVoter.key:
        return changes.remove(request)
      case UpdateRaftVoter.key:
        return changes.update(request, hint)
      default:
        return undefined
    }
  }
}
