import type { Clock, Logger } from '@millrace/runtime'
import type { LeaderPartition } from '../services.ts'
import type { CoordinatorMachine } from './coordinator-machine.ts'
import { groupRecordsIn } from './group-record-codec.ts'

/** Bytes replayed before other work gets its turn. */
const chunkBytes = 1 << 20

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

/** Replays the partition into the machine: all that its log has now, once that is committed. */
export function loadCoordinator(loading: Loading): void {
  const { partition, clock } = loading
  const endOffset = partition.logEndOffset
  const start = (error?: Error) => {
    if (error) loading.done(error)
    else replay(loading, partition.logStartOffset, endOffset)
  }
  if (partition.highWatermark >= endOffset) clock.defer(start)
  else partition.whenCommitted(endOffset, start)
}

function replay(loading: Loading, from: number, endOffset: number): void {
  if (!loading.wanted()) return
  let offset = from
  try {
    offset = replayChunk(loading, from, endOffset)
  } catch (error) {
    loading.done(error as Error)
    return
  }
  if (offset < endOffset) loading.clock.defer(() => replay(loading, offset, endOffset))
  else loading.done()
}

function replayChunk({ partition, machine, logger }: Loading, from: number, endOffset: number): number {
  const batches = partition.read(from, chunkBytes)
  // Compaction may leave nothing between here and the end.
  if (batches.length === 0) return endOffset
  const unknown = (type: number) => logger.warn('group.record-unknown', { partition: partition.partition, type })
  for (const batch of batches) for (const record of groupRecordsIn(batch, unknown)) machine.apply(record)
  return batches.at(-1)!.nextOffset
}
