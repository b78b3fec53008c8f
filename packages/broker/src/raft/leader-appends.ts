import { type ControlRecord, controlBatch } from './control-records.ts'
import type { FetchRequests } from './fetch-requests.ts'
import type { RaftContext } from './raft-context.ts'
import { type VoterEndpoints, votersRecord } from './voter-set.ts'

export interface LeaderAppendsOptions {
  readonly context: RaftContext
  /** The followers that wait for records. */
  readonly fetches: FetchRequests
  /** The epoch that this node leads. */
  readonly epoch: () => number
}

/** What a leader appends to its log. Followers get it, and the disk, at the end of the tick, with what else is appended until then. */
export class LeaderAppends {
  readonly #options: LeaderAppendsOptions
  #flushIsDue = false

  constructor(options: LeaderAppendsOptions) {
    this.#options = options
  }

  /** Appends one batch; offset and epoch are set in place. What it throws has failed the node. */
  batch(bytes: Uint8Array): void {
    const { context, fetches, epoch } = this.#options
    try {
      context.raftLog.appendAsLeader(bytes, epoch())
    } catch (error) {
      context.fail(error as Error)
      throw error
    }
    context.logChanged()
    if (this.#flushIsDue) return
    this.#flushIsDue = true
    context.world.clock.defer(() => {
      this.#flushIsDue = false
      if (context.isStopped) return
      fetches.wake()
      void this.#flush()
    })
  }

  control(records: readonly ControlRecord[]): void {
    const timestampMs = this.#options.context.world.clock.now()
    this.batch(controlBatch(records, { baseOffset: 0, epoch: 0, timestampMs }))
  }

  /** Appends the voters as one control batch, and before them kraft.version if it is a new one; returns its offset. */
  voters(voters: readonly VoterEndpoints[], kRaftVersion?: number): number {
    const { raftLog, logger } = this.#options.context
    const offset = raftLog.log.logEndOffset
    const level: ControlRecord[] =
      kRaftVersion === undefined ? [] : [{ type: 'KRaftVersion', value: { version: 0, kRaftVersion } }]
    this.control([...level, { type: 'KRaftVoters', value: votersRecord(voters) }])
    logger.info('raft.voters', { offset, voters: voters.map(({ id }) => id).join(',') })
    return offset
  }

  async #flush(): Promise<void> {
    const { raftLog, submit, fail } = this.#options.context
    const { log } = raftLog
    try {
      await log.flush()
    } catch (error) {
      return fail(error as Error)
    }
    submit({ kind: 'flushed', endOffset: Math.min(log.recoveryPoint, log.logEndOffset) })
  }
}
