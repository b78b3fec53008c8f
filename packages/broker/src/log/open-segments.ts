import type { Logger, Random, World } from '@millrace/runtime'
import { CorruptLogError } from './corrupt-log.ts'
import { finishSwaps } from './finish-swaps.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { LogConfig } from './log-config.ts'
import { partitionFiles } from './log-files.ts'
import { ProducerLog } from './producer-log.ts'
import { recallBatches } from './producer-recall.ts'
import { recoverSegments } from './recovery.ts'
import { lookupBlockBytes, Segment } from './segment.ts'
import { batchesFrom, segmentIndexOf } from './segment-list.ts'

export interface OpenOptions {
  readonly world: World
  readonly logger: Logger
  readonly directory: string
  readonly config: LogConfig
  readonly recoveryPoint: number
  readonly logStartOffset?: number
  readonly clean: boolean
  readonly isBackedBySnapshot: boolean
  readonly producerIdExpirationMs: number
}

export interface OpenedLog {
  readonly segments: Segment[]
  readonly producers: ProducerLog
  readonly logStartOffset: number
  readonly logEndOffset: number
  readonly recoveryPoint: number
  /** Not everything was as a clean stop leaves it. A new log is: the next start makes it again. */
  readonly isChanged: boolean
}

/** Reads a partition's directory: segments, their end, epochs and producer state; recovers first where that is needed. Throws CorruptLogError. */
export function openSegments(options: OpenOptions, epochs: LeaderEpochs): OpenedLog {
  const { world, directory } = options
  const { disk } = world
  finishSwaps(disk, directory)
  const files = partitionFiles(disk, directory)
  for (const name of files.leftovers) disk.remove(`${directory}/${name}`)
  const producers = new ProducerLog(world, directory, files.snapshots, options.producerIdExpirationMs)
  if (files.segments.length === 0) return emptyLog(options, producers, epochs)
  const segments = files.segments.map(baseOffset => segmentAt(options, baseOffset, false))
  dropBeforeStart(options, segments)
  producers.removeStrays(new Set(files.segments))
  const known = options.clean ? endOfClean(segments) : -1
  const logEndOffset = known >= 0 ? known : recover(options, segments, producers, epochs)
  if (logEndOffset < options.recoveryPoint && !options.isBackedBySnapshot)
    throw new CorruptLogError(
      segments.at(-1)!.path,
      `the log ends at offset ${logEndOffset}, and all below ${options.recoveryPoint} was on disk`,
    )
  const logStartOffset = Math.max(options.logStartOffset ?? 0, segments[0]!.baseOffset)
  if (logStartOffset > logEndOffset) {
    // The log start was moved, that was written down, and the crash took the records before it.
    for (const segment of segments) segment.markDeleted()()
    disk.syncDirectory(directory)
    return emptyLog(options, producers, epochs)
  }
  if (known >= 0) replay(segments, producers, { startOffset: logStartOffset, endOffset: logEndOffset, nowMs: world.clock.now() })
  producers.removeFrom(logEndOffset + 1)
  epochs.truncateFromEnd(logEndOffset)
  epochs.truncateFromStart(logStartOffset)
  return {
    segments,
    producers,
    logStartOffset,
    logEndOffset,
    recoveryPoint: known >= 0 ? logEndOffset : Math.min(options.recoveryPoint, logEndOffset),
    isChanged: known < 0,
  }
}

/** Brings the producer state to the end of the log: the newest snapshot, and the batches behind it. */
export function replay(
  segments: readonly Segment[],
  producers: ProducerLog,
  { startOffset, endOffset, nowMs }: { readonly startOffset: number; readonly endOffset: number; readonly nowMs: number },
): void {
  const from = producers.load(endOffset, startOffset)
  if (producers.state.size > 0 && from > startOffset && from <= endOffset) recallBatches(segments, producers.state, from, nowMs)
  if (from < endOffset) for (const batch of batchesFrom(segments, from)) producers.update(batch)
}

function emptyLog(options: OpenOptions, producers: ProducerLog, epochs: LeaderEpochs): OpenedLog {
  const offset = options.logStartOffset ?? 0
  producers.removeFrom(0)
  producers.state.clear()
  epochs.clear()
  return {
    segments: [segmentAt(options, offset, true)],
    producers,
    logStartOffset: offset,
    logEndOffset: offset,
    recoveryPoint: offset,
    isChanged: offset > 0,
  }
}

function segmentAt({ world, directory, config }: OpenOptions, baseOffset: number, create: boolean): Segment {
  const { disk, clock, random } = world
  return new Segment({ disk, directory, baseOffset, config, jitterMs: rollJitterMs(config, random), nowMs: clock.now(), create })
}

/** Ends a deletion of old segments that a crash has interrupted, whichever of them it left: the log start was written down before. */
function dropBeforeStart({ world, directory, logStartOffset }: OpenOptions, segments: Segment[]): void {
  let count = 0
  while (count + 1 < segments.length && segments[count + 1]!.baseOffset <= (logStartOffset ?? 0)) count++
  if (count === 0) return
  for (const segment of segments.splice(0, count)) segment.markDeleted()()
  world.disk.syncDirectory(directory)
}

/** What is taken off `segment.ms` for one segment, so that logs do not roll together. */
export function rollJitterMs({ segmentJitterMs, segmentMs }: LogConfig, random: Random): number {
  return segmentJitterMs === 0 ? 0 : Math.floor(random.float() * Math.min(segmentJitterMs, segmentMs))
}

/** End of a log that was stopped cleanly, as its last index entry and the batches behind it show; -1 when they contradict one another. */
function endOfClean(segments: readonly Segment[]): number {
  buildMissingIndexes(segments)
  const active = segments.at(-1)!
  const last = active.offsetIndex.last()
  const scanner = active.scan(last?.position ?? 0, lookupBlockBytes)
  let endOffset = last === null ? active.baseOffset : -1
  for (let batch = scanner.next(); batch !== null; batch = scanner.next()) {
    if (last !== null && scanner.position === last.position && batch.lastOffset !== last.offset) return -1
    if (batch.baseOffset < endOffset) return -1
    endOffset = batch.nextOffset
  }
  return scanner.fault === null ? endOffset : -1
}

/** For segments that were on disk as a whole: whatever is wrong with one is damage. */
function buildMissingIndexes(segments: readonly Segment[]): void {
  for (const segment of segments) {
    if (!segment.lacksIndex) continue
    recoverSegments({ segments: [segment], recoveryPoint: Infinity, compacts: true, visit: () => {} })
    segment.saveIndexes()
  }
}

function recover(options: OpenOptions, segments: Segment[], producers: ProducerLog, epochs: LeaderEpochs): number {
  const { recoveryPoint, directory, logger, world } = options
  const first = segmentIndexOf(segments, recoveryPoint)
  const baseOffset = segments[first]!.baseOffset
  buildMissingIndexes(segments.slice(0, first))
  epochs.truncateFromEnd(baseOffset)
  replay(segments.slice(0, first), producers, {
    startOffset: segments[0]!.baseOffset,
    endOffset: baseOffset,
    nowMs: world.clock.now(),
  })
  const recovered = recoverSegments({
    segments: segments.slice(first),
    recoveryPoint,
    compacts: options.config.compacts,
    visit: batch => {
      producers.update(batch)
      epochs.saw(batch.partitionLeaderEpoch, batch.baseOffset)
    },
  })
  for (const segment of segments.slice(first, -1)) segment.saveIndexes()
  const { cut, endOffset } = recovered
  if (cut !== null) {
    logger.warn('log.cut', { directory, endOffset, reason: cut.fault })
    const kept = first + cut.keptSegments
    for (const segment of segments.splice(kept)) segment.markDeleted()()
    producers.removeFrom(endOffset + 1)
    // New batches must not come to stand before old ones that a second crash brings back.
    segments.at(-1)!.syncNow()
    world.disk.syncDirectory(directory)
  }
  return endOffset
}
