import type { Endpoint, Voter } from './voter.ts'

/** Where a log ends, and the epoch of its last batch; 0 without one. */
export interface LogEnd {
  readonly endOffset: number
  readonly epoch: number
}

export interface RaftVoteRequest {
  /** The candidate's epoch; with `preVote` the one that it is in, not the one that it wants. */
  readonly epoch: number
  readonly candidate: Voter
  readonly log: LogEnd
  readonly preVote: boolean
}

export type RaftInput =
  | { readonly kind: 'started'; readonly log: LogEnd; readonly highWatermark: number }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'announce'; readonly epoch: number }
  /** Batches were appended or cut off. */
  | { readonly kind: 'log-changed'; readonly log: LogEnd }
  /** This leader's log is durable up to `endOffset`. */
  | { readonly kind: 'flushed'; readonly endOffset: number }
  /** The log has another voter set at its end. */
  | { readonly kind: 'voters-changed'; readonly voters: readonly Voter[] }
  | { readonly kind: 'vote-requested'; readonly request: RaftVoteRequest; readonly answer: (granted: boolean) => void }
  | {
      readonly kind: 'vote-answered'
      readonly from: number
      readonly epoch: number
      readonly preVote: boolean
      readonly granted: boolean
    }
  /** Any message said so. `leaderId` -1: only that there is such an epoch. `byItself`: the leader's own message, so it lives. */
  | {
      readonly kind: 'leader-heard'
      readonly epoch: number
      readonly leaderId: number
      readonly endpoint: Endpoint | null
      readonly byItself: boolean
    }
  /** The leader resigns and says who should follow, the best first. */
  | {
      readonly kind: 'leader-ended'
      readonly epoch: number
      readonly leaderId: number
      readonly endpoint: Endpoint | null
      readonly candidates: readonly Voter[]
    }
  /** The leader answered a fetch, and this log agrees with its own up to the end. */
  | { readonly kind: 'leader-answered'; readonly epoch: number; readonly highWatermark: number }
  /** Nobody listens where the leader of the epoch was. */
  | { readonly kind: 'leader-unreachable'; readonly epoch: number }
  /** A replica fetches from this leader: its log agrees up to `endOffset` and is durable there; -1: it fetches a snapshot. */
  | { readonly kind: 'fetched'; readonly replica: Voter; readonly endOffset: number }
  | { readonly kind: 'resign' }

export type RaftMessage =
  | { readonly kind: 'vote'; readonly request: RaftVoteRequest }
  | { readonly kind: 'begin'; readonly epoch: number }
  | { readonly kind: 'end'; readonly epoch: number; readonly candidates: readonly Voter[] }
