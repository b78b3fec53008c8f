import { CoordinatorLog, Leader, Log, ProducerLog, ProducerState, Segment } from '@millrace/broker/internal'
import { BatchView, batchesIn } from '@millrace/protocol'
import { type Mutant, replaceMethod } from './mutant.ts'

const both = (...mend: (() => void)[]) => {
  return () => {
    for (const each of mend) each()
  }
}

/** Offsets at which segments of a log begin, as far as they were seen. */
const borders = new WeakMap<Log, Set<number>>()

export const brokerMutants: readonly Mutant[] = [
  {
    name: 'acknowledge-before-flush',
    bug: 'flush.messages=1 acknowledges without the sync',
    seeds: 20,
    draw: 'single',
    options: { flush: 'ack', faults: ['lose-power'], faultEveryMs: 800 },
    plant: () => replaceMethod(Segment.prototype, 'syncNow', () => () => {}),
  },
  {
    name: 'acknowledge-before-write',
    bug: 'acks=all is answered before the batch is in the file',
    seeds: 40,
    draw: 'single',
    // Between the answer and the write lies no time, so the write itself must fail or the process die in it.
    options: { faults: ['full-disk', 'failing-disk', 'kill-node'], faultEveryMs: 800, sendEveryMs: 20 },
    plant: () => replaceMethod(Leader.prototype, 'whenReplicated', () => (_, done) => done(0)),
  },
  {
    name: 'forget-producers',
    bug: 'a restart does not bring back what producers have written: neither snapshot nor replay',
    seeds: 40,
    draw: 'single',
    options: {
      idempotent: true,
      acks: 'all',
      retention: false,
      faults: ['kill-node', 'stop-node', 'block-link'],
      faultEveryMs: 800,
    },
    plant: () =>
      both(
        replaceMethod(ProducerLog.prototype, 'update', () => () => {}),
        replaceMethod(
          ProducerState.prototype,
          'load',
          () =>
            function (this: ProducerState) {
              this.clear()
            },
        ),
      ),
  },
  {
    name: 'snapshot-of-one-batch',
    bug: 'a restart remembers one batch of a producer instead of five',
    seeds: 60,
    draw: 'single',
    // Several batches of one producer without an answer, and a restart behind a new segment.
    options: {
      idempotent: true,
      acks: 'all',
      maxInFlight: 5,
      lingerMs: 0,
      sendEveryMs: 20,
      segmentMs: 200,
      partitions: 1,
      producers: 3,
      retention: false,
      latencyMs: 10,
      faults: ['stop-node', 'block-link', 'slow-host'],
      faultEveryMs: 400,
      safetyMs: 12_000,
    },
    plant: () => replaceMethod(ProducerState.prototype, 'recall', () => () => {}),
  },
  {
    name: 'recover-one-batch-less',
    bug: 'recovery cuts off the last whole batch',
    seeds: 20,
    draw: 'single',
    plant: () =>
      replaceMethod(Log, 'open', open => options => {
        const log = open.call(Log, options)
        if (options.clean !== true && log.logEndOffset > log.logStartOffset) log.truncateTo(log.logEndOffset - 1)
        return log
      }),
  },
  {
    name: 'recover-without-crc',
    bug: 'recovery takes batches whose CRC is wrong',
    seeds: 40,
    draw: 'single',
    // Something must be torn in its middle: several large batches in one write, and power that fails before their sync.
    options: {
      flush: 'ack',
      faults: ['lose-power'],
      faultEveryMs: 400,
      safetyMs: 24_000,
      partitions: 1,
      producers: 3,
      sendEveryMs: 20,
      lingerMs: 0,
      valueBytes: 1200,
      batchBytes: 8000,
      compression: 'none',
      syncMs: 5,
      latencyMs: 0.1,
      maxChunkBytes: 65_536,
      maxInFlight: 5,
      streams: false,
    },
    plant: () => replaceMethod(BatchView.prototype, 'isCrcValid', () => () => true),
  },
  {
    name: 'commit-in-memory-only',
    bug: 'commits of a group are acknowledged without a record in the offsets topic',
    seeds: 30,
    draw: 'single',
    options: {
      autoCommit: false,
      faults: ['kill-node', 'stop-node', 'kill-consumer'],
      faultEveryMs: 800,
      restartsMembers: true,
    },
    plant: () =>
      replaceMethod(
        CoordinatorLog.prototype,
        'append',
        append =>
          function (this: CoordinatorLog, records) {
            return records.every(({ kind }) => kind === 'offset') ? 0 : append.call(this, records)
          },
      ),
  },
  {
    name: 'skip-at-segment-border',
    bug: 'a read that begins where a segment does leaves out its first batch',
    seeds: 10,
    draw: 'single',
    plant: () =>
      replaceMethod(
        Log.prototype,
        'read',
        read =>
          function (this: Log, offset, options) {
            const found = read.call(this, offset, options)
            const known = borders.get(this) ?? new Set<number>()
            borders.set(this, known)
            const end = Math.min(options.endOffset ?? this.logEndOffset, this.logEndOffset)
            // A read ends with its segment.
            if (found.sizeBytes < options.maxBytes / 2 && found.nextOffset < end) known.add(found.nextOffset)
            const [first, ...others] = batchesIn(Buffer.concat(found.chunks))
            if (!known.has(offset) || first === undefined || others.length === 0) return found
            const rest = Buffer.concat(found.chunks).subarray(first.sizeInBytes)
            return { ...found, chunks: [rest], sizeBytes: rest.length }
          },
      ),
  },
  {
    name: 'metadata-in-cache-only',
    bug: 'the metadata log is acknowledged without the sync',
    seeds: 10,
    draw: 'single',
    options: { flush: 'ack', faults: ['lose-power'], faultEveryMs: 800, topicChanges: true },
    plant: () => {
      const isMetadata = (segment: Segment) => segment.path.includes('__cluster_metadata')
      return both(
        replaceMethod(
          Segment.prototype,
          'syncNow',
          sync =>
            function (this: Segment) {
              if (!isMetadata(this)) sync.call(this)
            },
        ),
        replaceMethod(
          Segment.prototype,
          'sync',
          sync =>
            async function (this: Segment) {
              if (!isMetadata(this)) await sync.call(this)
            },
        ),
      )
    },
  },
]
