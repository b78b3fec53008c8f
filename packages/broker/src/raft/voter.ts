import { zeroUuid } from '@millrace/protocol'

/** A voter is the node together with its directory: a node that lost its disk is another voter (KIP-853). */
export interface Voter {
  readonly id: number
  /** Zero uuid when not known, as in a static quorum: then the id says it all. */
  readonly directoryId: string
}

export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** The id of nobody. */
export const nobody = -1

/** A directory that one side does not know does not tell them apart. */
export function isSameVoter(a: Voter, b: Voter): boolean {
  return a.id === b.id && (a.directoryId === b.directoryId || a.directoryId === zeroUuid || b.directoryId === zeroUuid)
}

/** The voter that `replica` is; undefined for an observer. A voter with a directory is not the node with another one. */
export function voterOf<V extends Voter>(voters: readonly V[], replica: Voter): V | undefined {
  return voters.find(
    ({ id, directoryId }) => id === replica.id && (directoryId === zeroUuid || directoryId === replica.directoryId),
  )
}
