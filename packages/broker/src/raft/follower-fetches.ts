import {
  ErrorCode,
  Fetch,
  type FetchRequest,
  type FetchResponse,
  FetchSnapshot,
  type FetchSnapshotResponse,
} from '@millrace/protocol'
import { messageOf, sleep } from '@millrace/runtime'
import { metadataTopic, metadataTopicId, topicIdsSince } from './metadata-topic.ts'
import { hearLeader, type RaftContext } from './raft-context.ts'
import type { RaftAddress } from './raft-transport.ts'
import { Refusals } from './refusals.ts'
import { SnapshotDownload } from './snapshot-download.ts'
import type { SnapshotId } from './snapshots.ts'

/** How long a fetch may wait at the leader: not longer than a part of the time in which the leader must be heard. */
const maxWaitMs = 500
const waitsPerFetchTimeout = 3
/** The wait after failures grows up to this. */
const maxBackoffMs = 100
const replicaStateSince = 15

export interface FollowerOptions {
  readonly context: RaftContext
  /** `controller.quorum.bootstrap.servers`. */
  readonly bootstrapServers: readonly { readonly host: string; readonly port: number }[]
  /** This node may become a voter: then what its fetches claim must survive. */
  readonly canVote: boolean
  /** A snapshot of the leader is in its place, and the log starts at its end. */
  readonly snapshotLoaded: () => void
}

/**
 * Follows the leader by fetches, one after the other: each says that this log is durable up to where it asks from, if it may vote. Without a leader it
 * asks the voters and bootstrap servers for one, at random.
 */
export class FollowerFetches {
  readonly #options: FollowerOptions
  readonly #context: RaftContext
  /** Leader and epoch that are followed, 'search', or nothing while this node leads or stands for election. */
  #task: string | null = null
  /** Another one makes the loop of the one before end, and its answers void. */
  #round = 0
  #download: SnapshotDownload | null = null
  #finishing: Promise<void> | null = null
  readonly #refusals: Refusals

  constructor(options: FollowerOptions) {
    this.#options = options
    this.#context = options.context
    this.#refusals = new Refusals(options.context.logger)
  }

  /** Role or leader may have changed. */
  update(): void {
    const { raft, isStopped } = this.#context
    const { role, epoch, leaderId } = raft
    const task = isStopped ? null : role === 'follower' ? `${leaderId}/${epoch}` : role === 'unattached' ? 'search' : null
    if (task === this.#task) return
    this.#task = task
    const round = ++this.#round
    if (task !== null) void this.#run(round)
  }

  stop(): void {
    this.#round++
    this.#task = null
    this.#abandonDownload()
  }

  async #run(round: number): Promise<void> {
    const { world, timeouts, raftLog } = this.#context
    const isCurrent = () => round === this.#round && !this.#context.isStopped
    for (let failures = 0; isCurrent(); ) {
      let isGood = false
      try {
        while (this.#options.canVote && !raftLog.isDurable) await raftLog.log.flush()
      } catch (error) {
        return this.#context.fail(error as Error)
      }
      if (!isCurrent()) return
      try {
        // Of the round before: its snapshot has the name that the next one may have.
        await this.#finishing?.catch(() => {})
        if (isCurrent()) isGood = await this.#once(isCurrent, failures)
      } catch (error) {
        if (isCurrent()) this.#context.fail(error as Error)
        return
      }
      failures = isGood ? 0 : failures + 1
      if (failures > 0) await sleep(world.clock, Math.min(maxBackoffMs, timeouts.retryBackoffMs * 2 ** Math.min(failures - 1, 8)))
    }
  }

  /** Says whether it came forward. */
  async #once(isCurrent: () => boolean, failures: number): Promise<boolean> {
    const { raft } = this.#context
    const { leaderId: id, leaderEndpoint, epoch } = raft
    // Another voter may know of a new leader before this one gives up the old.
    if (raft.role !== 'follower' || !leaderEndpoint || failures % 2 === 1) return this.#search(isCurrent)
    const leader = { id, ...leaderEndpoint }
    return this.#download ? this.#fetchSnapshot(leader, epoch, isCurrent) : this.#fetch(leader, epoch, isCurrent)
  }

  async #search(isCurrent: () => boolean): Promise<boolean> {
    const to = this.#anyone()
    const { raft } = this.#context
    const before = `${raft.leaderId}/${raft.epoch}`
    const response = to ? await this.#request(to, 0) : null
    if (response === null || !isCurrent()) return false
    this.#hear(to!.id, response)
    return before !== `${raft.leaderId}/${raft.epoch}`
  }

  /** A voter or bootstrap server; null without any. */
  #anyone(): RaftAddress | null {
    const { voters, self, world } = this.#context
    const addresses: RaftAddress[] = this.#options.bootstrapServers.map(server => ({ id: -1, ...server }))
    for (const { id } of voters.voters) {
      const endpoint = id === self.id ? null : voters.endpointOf(id)
      if (endpoint) addresses.push({ id, ...endpoint })
    }
    return addresses[world.random.below(Math.max(1, addresses.length))] ?? null
  }

  async #fetch(leader: RaftAddress, epoch: number, isCurrent: () => boolean): Promise<boolean> {
    const { fetchTimeoutMs } = this.#context.timeouts
    const response = await this.#request(leader, Math.min(maxWaitMs, Math.ceil(fetchTimeoutMs / waitsPerFetchTimeout)))
    if (response === null || !isCurrent()) return false
    const partition = this.#hear(leader.id, response)
    if (!partition || partition.errorCode !== ErrorCode.NONE || !isCurrent()) return false
    const { divergingEpoch, snapshotId } = partition
    const { context } = this.#options
    if (divergingEpoch.epoch >= 0) {
      const endOffset = context.raftLog.truncateTo(divergingEpoch, context.raft.highWatermark)
      context.logger.info('raft.truncated', { endOffset, leaderId: leader.id, epoch })
      context.logChanged()
      return this.#leaderAnswered(epoch, -1)
    }
    if (snapshotId.endOffset >= 0 && snapshotId.epoch >= 0) {
      this.#startDownload(snapshotId, leader.id)
      return this.#leaderAnswered(epoch, -1)
    }
    const isGood = this.#append((partition.records ?? new Uint8Array(0)) as Uint8Array, epoch)
    this.#leaderAnswered(epoch, partition.highWatermark)
    return isGood
  }

  #append(records: Uint8Array, epoch: number): boolean {
    if (records.length === 0) return true
    const { raftLog, logger } = this.#context
    const isGood = raftLog.appendAsFollower(records, epoch)
    this.#context.logChanged()
    if (!isGood) logger.error('raft.damaged-batch', { offset: raftLog.end.endOffset, epoch })
    return isGood
  }

  #leaderAnswered(epoch: number, highWatermark: number): true {
    this.#context.submit({ kind: 'leader-answered', epoch, highWatermark })
    return true
  }

  /** Takes what the answer says about the leader. The partition; null for an error of the whole. */
  #hear(from: number, response: FetchResponse): FetchResponse['responses'][number]['partitions'][number] | null {
    const partition = response.responses[0]?.partitions[0]
    const errorCode = response.errorCode || (partition ? ErrorCode.NONE : ErrorCode.INVALID_REQUEST)
    this.#refusals.answered(Fetch.name, from, errorCode)
    if (errorCode !== ErrorCode.NONE || !partition) return null
    const { leaderId, leaderEpoch } = partition.currentLeader
    hearLeader(this.#context, from, leaderId, leaderEpoch, response.nodeEndpoints)
    return partition
  }

  async #request(to: RaftAddress, waitMs: number): Promise<FetchResponse | null> {
    const { transport, timeouts, raft } = this.#context
    const { epoch } = raft
    try {
      return await transport.request(to, Fetch, version => this.#fetchBody(version, waitMs), timeouts.requestTimeoutMs)
    } catch (error) {
      if (
        to.id >= 0 &&
        to.id === raft.leaderId &&
        epoch === raft.epoch &&
        (error as { code?: string }).code === 'PEER_UNREACHABLE'
      )
        this.#context.submit({ kind: 'leader-unreachable', epoch })
      return null
    }
  }

  #fetchBody(version: number, waitMs: number): Partial<FetchRequest> {
    const { clusterId, raft, raftLog, self, timeouts } = this.#context
    const { endOffset, epoch } = raftLog.end
    const partition = {
      partition: 0,
      currentLeaderEpoch: raft.epoch,
      fetchOffset: endOffset,
      lastFetchedEpoch: epoch,
      logStartOffset: -1,
      partitionMaxBytes: timeouts.fetchMaxBytes,
      replicaDirectoryId: self.directoryId,
      highWatermark: raft.highWatermark,
    }
    const topic = version >= topicIdsSince ? { topicId: metadataTopicId } : { topic: metadataTopic }
    const replica =
      version >= replicaStateSince ? { replicaState: { replicaId: self.id, replicaEpoch: -1 } } : { replicaId: self.id }
    return {
      ...replica,
      clusterId,
      maxWaitMs: waitMs,
      minBytes: 0,
      maxBytes: timeouts.fetchMaxBytes,
      topics: [{ ...topic, partitions: [partition] }] as unknown as FetchRequest['topics'],
    }
  }

  #startDownload(id: SnapshotId, leaderId: number): void {
    const { world, raftLog, logger } = this.#context
    this.#abandonDownload()
    logger.info('raft.snapshot-download', { ...id, leaderId })
    this.#download = new SnapshotDownload(world.disk, raftLog.pathOf(id), id, leaderId)
  }

  #abandonDownload(): void {
    this.#download?.abandon()
    this.#download = null
  }

  async #fetchSnapshot(leader: RaftAddress, epoch: number, isCurrent: () => boolean): Promise<boolean> {
    const download = this.#download!
    if (download.leaderId !== leader.id) {
      this.#abandonDownload()
      return true
    }
    const response = await this.#requestSnapshot(leader, epoch, download)
    if (response === null || !isCurrent()) return false
    const partition = response.topics[0]?.partitions[0]
    if (response.errorCode !== ErrorCode.NONE || !partition) return false
    const { leaderId, leaderEpoch } = partition.currentLeader
    hearLeader(this.#context, leader.id, leaderId, leaderEpoch, response.nodeEndpoints)
    if (!isCurrent()) return false
    const { errorCode, position, size } = partition
    const piece = partition.unalignedRecords as Uint8Array
    if (errorCode === ErrorCode.SNAPSHOT_NOT_FOUND || errorCode === ErrorCode.POSITION_OUT_OF_RANGE) {
      // Deleted meanwhile: the next fetch names a newer one.
      this.#abandonDownload()
      return this.#leaderAnswered(epoch, -1)
    }
    if (errorCode !== ErrorCode.NONE || position !== download.position || piece.length === 0) return false
    download.append(piece)
    if (download.position >= size) {
      this.#finishing = this.#finishDownload(download)
      await this.#finishing
    }
    return !isCurrent() || this.#leaderAnswered(epoch, -1)
  }

  async #finishDownload(download: SnapshotDownload): Promise<void> {
    const { logger, raft } = this.#context
    this.#download = null
    try {
      await download.finish()
    } catch (error) {
      if ((error as { code?: string }).code !== 'CORRUPT_SNAPSHOT') throw error
      logger.error('raft.damaged-snapshot', { ...download.id, error: messageOf(error) })
      return
    }
    // A node that leads by now never gives up its log; another leader of this one may have gone on from here.
    if (this.#context.isStopped || raft.role !== 'follower' || download.id.endOffset <= raft.highWatermark) return
    this.#options.snapshotLoaded()
    logger.info('raft.snapshot-loaded', { ...download.id })
  }

  async #requestSnapshot(leader: RaftAddress, epoch: number, download: SnapshotDownload): Promise<FetchSnapshotResponse | null> {
    const { transport, timeouts, clusterId, self } = this.#context
    const partition = {
      partition: 0,
      currentLeaderEpoch: epoch,
      snapshotId: download.id,
      position: download.position,
      replicaDirectoryId: self.directoryId,
    }
    const body = {
      clusterId,
      replicaId: self.id,
      maxBytes: timeouts.fetchSnapshotMaxBytes,
      topics: [{ name: metadataTopic, partitions: [partition] }],
    }
    try {
      return await transport.request(leader, FetchSnapshot, () => body, timeouts.requestTimeoutMs)
    } catch {
      return null
    }
  }
}
