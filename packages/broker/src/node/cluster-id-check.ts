import { ErrorCode } from '@millrace/protocol'
import { formatAddress, MillraceError } from '@millrace/runtime'
import type { RaftAddress } from '../raft/raft-transport.ts'

/**
 * A node with directories of another cluster is refused by all others, and would ask for ever: it ends when more than half of those that it may ask have
 * refused it. One stray among the voters stops nobody else.
 */
export class ClusterIdCheck {
  readonly #clusterId: string
  readonly #peers: number
  readonly #failed: (error: MillraceError) => void
  readonly #refused = new Set<string>()
  #done = false

  /** `peers`: how many other members of the quorum the configuration names. */
  constructor(clusterId: string, peers: number, failed: (error: MillraceError) => void) {
    this.#clusterId = clusterId
    this.#peers = peers
    this.#failed = failed
  }

  /** A node of the quorum has answered, with this code for the whole. */
  answered(to: RaftAddress, errorCode: number): void {
    if (this.#done) return
    const address = formatAddress(to)
    if (errorCode !== ErrorCode.INCONSISTENT_CLUSTER_ID) {
      // Somebody knows this cluster: from here on a refusal is somebody else's trouble.
      this.#done = errorCode === ErrorCode.NONE
      return
    }
    this.#refused.add(address)
    if (this.#refused.size <= this.#peers / 2) return
    this.#done = true
    this.#failed(
      new MillraceError(
        'CLUSTER_ID_MISMATCH',
        `The log directories belong to the cluster ${this.#clusterId}, and ${[...this.#refused].join(', ')} to another`,
        { hint: 'look at log.dirs and controller.quorum.*, or format the directories with the cluster id of the others' },
      ),
    )
  }
}
