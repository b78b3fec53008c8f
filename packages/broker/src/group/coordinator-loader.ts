import { ErrorCode, KafkaError } from '@millrace/protocol'
import type { Clock, Logger } from '@millrace/runtime'
import type { LeaderPartition } from '../services.ts'
import type { CoordinatorMachine } from './coordinator-machine.ts'
import { groupRecordsIn } from './group-record-codec.ts'

/** Bytes replayed before other work gets its turn. */
const chunkBytes = 256 * 1024

export interface Loading {
  readonly partition: LeaderPartition
  readonly machine: CoordinatorMachine
  readonly clock: Clock
  readonly logger: Logger
  /** Whether the load is still wanted; asked between chunks. */
  wanted(): boolean
  /** Called once, with an error if the log cannot be read or will not be committed. */
  done(error?: Error): void
}

/**
 * Replays the partition into the machine: all that its log has now. What is committed already is replayed at once, the rest, which the leader before may have
 * left behind, when it is: a record that never will be must not become part of the state.
 */
export function loadCoordinator(loading: Loading): void {
  const { partition, clock } = loading
  const endOffset = partition.logEndOffset
  clock.defer(() => replay(loading, { offset: partition.logStartOffset, endOffset }))
}

interface Progress {
  readonly offset: number
  readonly endOffset: number
}

function replay(loading: Loading, { offset, endOffset }: Progress): void {
  const { partition, clock } = loading
  if (!loading.wanted()) return
  if (offset >= endOffset) {
    loading.done()
    return
  }
  if (offset >= partition.highWatermark) {
    partition.whenCommitted(endOffset, error => {
      if (error) loading.done(error)
      else clock.defer(() => replay(loading, { offset, endOffset }))
    })
    return
  }
  let next: number
  try {
    next = replayChunk(loading, offset, endOffset)
  } catch (error) {
    loading.done(error as Error)
    return
  }
  clock.defer(() => replay(loading, { offset: next, endOffset }))
}

/** Gives the offset to go on from. */
function replayChunk({ partition, machine, logger }: Loading, from: number, endOffset: number): number {
  const batches = partition.read(from, chunkBytes)
  // Compaction may leave nothing between here and the end of what is committed.
  if (batches.length === 0) return Math.min(endOffset, Math.max(from, partition.highWatermark))
  const unknown = (type: number) => logger.warn('group.record-unknown', { partition: partition.partition, type })
  for (const batch of batches) for (const record of groupRecordsIn(batch, unknown)) machine.apply(record)
  const { nextOffset } = batches.at(-1)!
  if (nextOffset <= from) throw new KafkaError(ErrorCode.CORRUPT_MESSAGE, `no progress behind offset ${from}`)
  return nextOffset
}
