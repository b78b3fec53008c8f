import {
  ActiveController,
  Ballot,
  CoordinatorLog,
  Follower,
  InSyncSet,
  Leader,
  Log,
  ProducerState,
  QuorumProgress,
  Raft,
  RaftLog,
  RaftNode,
  Segment,
} from '@millrace/broker/internal'
import { AlterPartition, type AlterPartitionRequest, BatchBuilder, BatchView, zeroUuid } from '@millrace/protocol'
import type { SimulationOptions } from '../simulation/options.ts'
import { type Mutant, replaceGetter, replaceMethod } from './mutant.ts'

/** Three nodes with everything in three copies, and no workload that does not matter. */
const threeNodes: Partial<SimulationOptions> = {
  brokers: 3,
  controllers: 3,
  combined: true,
  voters: 'static',
  replicationFactor: 3,
  minIsr: 2,
  idempotent: true,
  acks: 'all',
  partitions: 2,
  consumers: 1,
  streams: false,
  topicChanges: false,
  replicaChanges: false,
  retention: false,
  sendEveryMs: 20,
  safetyMs: 10_000,
  faultEveryMs: 600,
}
const leadersFall: Partial<SimulationOptions> = {
  ...threeNodes,
  faults: ['kill-leaders', 'isolate-node', 'slow-host', 'lag-node', 'split'],
}
/** Leaders that nobody sees but clients, until others have written as much. */
const leadersStranded: Partial<SimulationOptions> = {
  ...threeNodes,
  producers: 3,
  brokerSessionMs: 600,
  faults: ['strand-leader', 'kill-leaders', 'slow-host'],
}
const controllersFall: Partial<SimulationOptions> = {
  ...threeNodes,
  topicChanges: true,
  electionTimeoutMs: 150,
  quorumFetchTimeoutMs: 150,
  faults: ['kill-controller', 'isolate-node', 'split', 'bridge', 'slow-host', 'pause-node'],
}

/** In the middle of a follower's append. */
let isFollowing = false
const following = (real: Log['appendAsFollower']): Log['appendAsFollower'] =>
  function (this: Log, bytes) {
    isFollowing = true
    try {
      return real.call(this, bytes)
    } finally {
      isFollowing = false
    }
  }

/** A batch of one metadata record that means nothing: NoOpRecord, version 0. */
function noOpBatch(): Uint8Array {
  const builder = new BatchBuilder({ maxBytes: 1024 })
  builder.append(0, null, Uint8Array.of(1, 20, 0, 0))
  return builder.build()
}

/** A leader of the quorum commits by this rule, whatever the voters' ends are of. */
const commitAt = (rule: (endOffsets: number[]) => number) =>
  replaceMethod(
    QuorumProgress.prototype,
    'committedOffset',
    () =>
      function (this: QuorumProgress) {
        return rule(this.voters.map(({ endOffset }) => endOffset))
      },
  )

const both = (...mend: (() => void)[]) => {
  return () => {
    for (const each of mend) each()
  }
}

export const clusterMutants: readonly Mutant[] = [
  {
    name: 'high-watermark-of-the-leader-alone',
    bug: "the high watermark is the end of the leader's own log",
    seeds: 10,
    draw: 'cluster',
    options: leadersFall,
    plant: () =>
      replaceMethod(InSyncSet.prototype, 'highWatermark', () => (current, localEndOffset) => Math.max(current, localEndOffset)),
  },
  {
    name: 'high-watermark-without-laggards',
    bug: 'the high watermark does not wait for a member that lags, before the controller has taken it out of the in-sync set',
    seeds: 40,
    draw: 'cluster',
    options: leadersFall,
    plant: () =>
      replaceMethod(
        InSyncSet.prototype,
        'highWatermark',
        () =>
          function (this: InSyncSet, current, localEndOffset, minIsr) {
            if (this.isr.length < minIsr) return current
            let lowest = localEndOffset
            for (const { brokerId, logEndOffset } of this.replicas.values())
              if (this.isr.includes(brokerId) && localEndOffset - logEndOffset < 5) lowest = Math.min(lowest, logEndOffset)
            return Math.max(current, lowest)
          },
      ),
  },
  {
    name: 'ignore-min-isr',
    bug: 'acks=all is taken and committed while fewer replicas are in sync than min.insync.replicas',
    seeds: 40,
    draw: 'cluster',
    options: { ...leadersFall, replicationFactor: 2, replicaLagMs: 500 },
    plant: () =>
      both(
        replaceMethod(
          Leader.prototype,
          'append',
          append =>
            function (this: Leader, records, options) {
              return append.call(this, records, { ...options, acks: 1 })
            },
        ),
        replaceMethod(
          InSyncSet.prototype,
          'highWatermark',
          highWatermark =>
            function (this: InSyncSet, current, localEndOffset) {
              return highWatermark.call(this, current, localEndOffset, 0)
            },
        ),
      ),
  },
  {
    name: 'in-sync-without-catching-up',
    bug: 'a replica comes into the in-sync set with its first fetch, wherever it stands',
    seeds: 20,
    draw: 'cluster',
    options: leadersFall,
    plant: () =>
      replaceMethod(
        InSyncSet.prototype,
        'expandBy',
        expandBy =>
          function (this: InSyncSet, progress) {
            expandBy.call(this, progress, -1, -1)
          },
      ),
  },
  {
    name: 'truncate-to-high-watermark',
    bug: 'a follower of a new leader cuts its log to its own high watermark, not to where the epochs part (before KIP-101)',
    seeds: 20,
    draw: 'cluster',
    options: leadersFall,
    plant: () =>
      replaceMethod(
        Follower.prototype,
        'update',
        update =>
          function (this: Follower, metadata) {
            if (metadata.leaderEpoch !== this.leaderEpoch) this.truncateTo(this.highWatermark)
            update.call(this, metadata)
          },
      ),
  },
  {
    name: 'truncate-to-end-offset',
    bug: "a follower whose log parts from its leader's cuts it to the end of the leader's log, not to where the epochs part (before KIP-101)",
    seeds: 10,
    draw: 'cluster',
    options: leadersStranded,
    plant: () => {
      // Who asks without an epoch is told where the leader's log ends, if it is shorter, and cuts there.
      const trusting = new WeakMap<Follower, number>()
      const real = Object.getOwnPropertyDescriptor(Follower.prototype, 'lastFetchedEpoch')!.get!
      return both(
        replaceMethod(
          Follower.prototype,
          'diverged',
          () =>
            function (this: Follower) {
              trusting.set(this, this.leaderEpoch)
            },
        ),
        replaceGetter(Follower.prototype, 'lastFetchedEpoch', follower =>
          trusting.get(follower) === follower.leaderEpoch ? -1 : (real.call(follower) as number),
        ),
      )
    },
  },
  {
    name: 'ignore-leader-epoch',
    bug: 'fetches and questions for offsets of followers and consumers are answered whatever leader epoch they believe in',
    seeds: 10,
    draw: 'cluster',
    options: { ...leadersFall, faults: ['kill-leaders', 'strand-leader', 'stale-request', 'stale-request'] },
    plant: () =>
      both(
        replaceMethod(Leader.prototype, 'checkEpoch', () => () => 0),
        replaceMethod(Follower.prototype, 'checkEpoch', () => () => 0),
      ),
  },
  {
    name: 'accept-stale-in-sync-sets',
    bug: 'the controller takes AlterPartition without a look at the epochs of leader and partition',
    seeds: 10,
    draw: 'cluster',
    options: { ...leadersFall, faults: ['kill-leaders', 'strand-leader', 'stale-request', 'stale-request'] },
    plant: () =>
      replaceMethod(
        ActiveController.prototype,
        'request',
        request =>
          function (this: ActiveController, api, version, body) {
            if (api.key !== AlterPartition.key) return request.call(this, api, version, body) as never
            // Neither older nor newer than any.
            const unfenced = { leaderEpoch: Number.NaN, partitionEpoch: Number.NaN }
            const topics = (body as AlterPartitionRequest).topics.map(topic => ({
              ...topic,
              partitions: topic.partitions.map(partition => ({ ...partition, ...unfenced })),
            }))
            return request.call(this, api, version, { ...body, topics }) as never
          },
      ),
  },
  {
    name: 'never-diverged',
    bug: 'a follower does not say which epoch its last record has, so that nobody sees that the logs part',
    seeds: 40,
    draw: 'cluster',
    options: leadersFall,
    plant: () => replaceGetter(Follower.prototype, 'lastFetchedEpoch', () => -1),
  },
  {
    name: 'follower-without-sync',
    bug: 'flush.messages=1 holds on the leader, and followers acknowledge from the page cache',
    seeds: 20,
    draw: 'cluster',
    options: { ...threeNodes, flush: 'ack', faults: ['lose-power', 'kill-leaders'] },
    plant: () =>
      both(
        replaceMethod(Log.prototype, 'appendAsFollower', following),
        replaceMethod(
          Segment.prototype,
          'syncNow',
          syncNow =>
            function (this: Segment) {
              if (!isFollowing) syncNow.call(this)
            },
        ),
      ),
  },
  {
    name: 'forget-producers-when-following',
    bug: 'a follower does not keep the sequences of what it copies: as a leader it takes everything for new',
    seeds: 20,
    draw: 'cluster',
    options: { ...leadersFall, maxInFlight: 5, lingerMs: 0 },
    plant: () =>
      both(
        replaceMethod(Log.prototype, 'appendAsFollower', following),
        replaceMethod(
          ProducerState.prototype,
          'update',
          update =>
            function (this: ProducerState, ...batch) {
              if (!isFollowing) update.apply(this, batch)
            },
        ),
      ),
  },
  {
    name: 'coordinator-answers-at-once',
    bug: 'a group coordinator answers before the high watermark covers what it wrote',
    seeds: 10,
    draw: 'cluster',
    options: {
      ...leadersStranded,
      autoCommit: false,
      restartsMembers: true,
      consumers: 3,
      faults: ['strand-leader', 'kill-consumer'],
    },
    plant: () => replaceMethod(CoordinatorLog.prototype, 'whenCommitted', () => (_, done) => done()),
  },
  {
    name: 'fetch-beyond-the-high-watermark',
    bug: 'consumers are given what is not committed',
    seeds: 20,
    draw: 'cluster',
    options: leadersFall,
    plant: () =>
      replaceMethod(
        Leader.prototype,
        'fetch',
        fetch =>
          function (this: Leader, query) {
            const found = fetch.call(this, query)
            const { log } = this
            if (found.errorCode !== 0 || query.offset >= log.writtenOffset || found.divergingEpoch) return found
            const { maxBytes, atLeastOne } = query
            const { chunks, sizeBytes } = log.read(query.offset, { maxBytes, atLeastOne, endOffset: log.writtenOffset })
            return {
              ...found,
              chunks,
              recordBytes: sizeBytes,
              highWatermark: log.writtenOffset,
              lastStableOffset: log.writtenOffset,
            }
          },
      ),
  },
  {
    name: 'vote-twice',
    bug: 'a voter forgets in an epoch whom it has given its vote',
    seeds: 10,
    draw: 'cluster',
    options: { ...controllersFall, faults: ['contest-election'] },
    plant: () =>
      replaceMethod(
        Raft.prototype,
        'apply',
        apply =>
          function (this: Raft, state) {
            apply.call(this, { ...state, votedId: -1, votedDirectoryId: zeroUuid })
          },
      ),
  },
  {
    name: 'forget-election-state',
    bug: 'a voter starts anew without its epoch and vote',
    seeds: 10,
    draw: 'cluster',
    options: controllersFall,
    plant: () =>
      replaceMethod(
        Raft.prototype,
        'step',
        step =>
          function (this: Raft, input, nowMs) {
            if (input.kind === 'started')
              this.apply({ epoch: input.log.epoch, leaderId: -1, votedId: -1, votedDirectoryId: zeroUuid })
            return step.call(this, input, nowMs)
          },
      ),
  },
  {
    name: 'elected-by-one-vote-too-few',
    bug: 'half of the votes elect a leader',
    seeds: 20,
    draw: 'cluster',
    options: controllersFall,
    plant: () => replaceGetter(Ballot.prototype, 'isWon', ballot => ballot.granting.length > 0),
  },
  {
    name: 'vote-for-a-shorter-log',
    bug: "a vote is given without a look at the candidate's log",
    seeds: 40,
    draw: 'cluster',
    options: controllersFall,
    plant: () =>
      replaceMethod(
        Raft.prototype,
        'step',
        step =>
          function (this: Raft, input, nowMs) {
            if (input.kind !== 'vote-requested') return step.call(this, input, nowMs)
            const log = { endOffset: Number.MAX_SAFE_INTEGER, epoch: Number.MAX_SAFE_INTEGER }
            return step.call(this, { ...input, request: { ...input.request, log } }, nowMs)
          },
      ),
  },
  {
    name: 'metadata-committed-by-the-leader-alone',
    bug: 'what the active controller has on its own disk counts as committed',
    seeds: 10,
    draw: 'cluster',
    options: controllersFall,
    plant: () => commitAt(endOffsets => Math.max(...endOffsets)),
  },
  {
    name: 'commit-by-count',
    bug: "a majority's copies commit what former leaders wrote, before anything of the new leader's own epoch (Raft §5.4.2)",
    seeds: 20,
    draw: 'cluster',
    // A slow network: a leader knows later than its followers what they have.
    options: { ...controllersFall, latencyMs: 10, faults: ['contest-election', 'kill-controller', 'slow-host'] },
    plant: () => commitAt(endOffsets => endOffsets.sort((a, b) => b - a)[Math.floor(endOffsets.length / 2)] ?? -1),
  },
  {
    name: 'forget-leader-change',
    bug: 'a new leader of the quorum begins its epoch with any record, and never writes a LeaderChange',
    seeds: 10,
    draw: 'cluster',
    options: controllersFall,
    plant: () =>
      replaceMethod(
        RaftLog.prototype,
        'appendAsLeader',
        append =>
          function (this: RaftLog, bytes, epoch) {
            const isFirst = this.end.epoch < epoch && BatchView.at(bytes, 0)!.isControl
            append.call(this, isFirst ? noOpBatch() : bytes, epoch)
          },
      ),
  },
  {
    name: 'metadata-answered-at-once',
    bug: 'admin requests are answered before a majority has the records',
    seeds: 20,
    draw: 'cluster',
    options: { ...controllersFall, faults: ['strand-controller'] },
    plant: () => replaceMethod(RaftNode.prototype, 'whenCommitted', () => (_, done) => done()),
  },
]
