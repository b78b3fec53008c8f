import { type Draft, ErrorCode, errorOf, Fetch, type FetchRequest, type FetchResponse, KafkaError } from '@millrace/protocol'
import { DiskError, type Logger, messageOf, type Timer, type World } from '@millrace/runtime'
import type { PeerChannel } from '../channel/peer-channel.ts'
import type { Follower } from '../partition/follower.ts'
import { DelayedSet } from './delayed-set.ts'
import { leaderOffsets } from './leader-offsets.ts'
import { keyOf, ReplicaFetchSession } from './replica-fetch-session.ts'
import type { ReplicationThrottle } from './replication-throttle.ts'

export interface FetcherSettings {
  /** `replica.fetch.wait.max.ms`. */
  readonly maxWaitMs: number
  /** `replica.fetch.min.bytes`. */
  readonly minBytes: number
  /** `replica.fetch.max.bytes`: of one partition. */
  readonly maxPartitionBytes: number
  /** `replica.fetch.response.max.bytes`. */
  readonly maxBytes: number
  /** `replica.fetch.backoff.ms`: the longest pause after an error; the first ones are shorter, since mostly a leader is about to hear of its election. */
  readonly backoffMs: number
  /** `replica.socket.timeout.ms`. */
  readonly timeoutMs: number
}

export interface FetcherOptions {
  readonly world: World
  readonly logger: Logger
  readonly nodeId: number
  readonly brokerEpoch: () => number
  readonly leaderId: number
  /** This fetcher's own; it closes it. */
  readonly channel: Pick<PeerChannel, 'request' | 'close'>
  readonly settings: FetcherSettings
  /** Of what followers here take. */
  readonly throttle: Pick<ReplicationThrottle, 'isThrottled' | 'isExceeded' | 'count'>
}

type PartitionAnswer = FetchResponse['responses'][number]['partitions'][number]

const firstBackoffMs = 20
const reportedBackoffMs = 500
const heldBackMs = 200
/** From then on topics go by id. */
const minVersion = 13
/** The high watermark that version 18 adds is for the metadata log. */
const maxVersion = 17

/**
 * Follows one broker: all partitions that it leads and that are replicated here, in one fetch session over one connection. One request at a time, the
 * next as soon as what came is in the files: its positions are the acknowledgement.
 */
export class Fetcher {
  readonly #options: FetcherOptions
  readonly #session: ReplicaFetchSession<Follower>
  /** By topic id and partition. */
  readonly #followers = new Map<string, Follower>()
  /** Those that are fetched now: all but the delayed ones and those that ask where the leader's log starts. */
  readonly #fetched = new Set<Follower>()
  /** Those whose position may be another one than the leader knows. */
  #changed = new Set<Follower>()
  readonly #delayed: DelayedSet<Follower>
  /** Those that wait until less than the throttled rate came. */
  readonly #heldBack = new Set<Follower>()
  #isFetching = false
  #isClosed = false
  #backoffMs = 0
  #pause: Timer | null = null

  constructor(options: FetcherOptions) {
    this.#options = options
    const { world, settings } = options
    this.#session = new ReplicaFetchSession(settings.maxPartitionBytes)
    const limits = { initialMs: Math.min(firstBackoffMs, settings.backoffMs), maxMs: settings.backoffMs }
    this.#delayed = new DelayedSet(world.clock, limits, back => {
      for (const follower of back) this.#resume(follower)
    })
  }

  get partitionCount(): number {
    return this.#followers.size
  }

  /** Fetches the partition from now on, or in its new epoch. */
  add(follower: Follower): void {
    const key = keyOf(follower)
    const before = this.#followers.get(key)
    if (before !== undefined && before !== follower) this.remove(before)
    this.#followers.set(key, follower)
    this.#delayed.delete(follower)
    this.#resume(follower)
  }

  remove(follower: Follower): void {
    if (this.#followers.get(keyOf(follower)) !== follower) return
    this.#followers.delete(keyOf(follower))
    this.#delayed.delete(follower)
    this.#stop(follower)
  }

  close(): void {
    this.#isClosed = true
    this.#delayed.clear()
    this.#pause?.cancel()
    this.#options.channel.close()
  }

  #resume(follower: Follower): void {
    this.#fetched.add(follower)
    this.#changed.add(follower)
    // What becomes known in one tick goes into one request.
    this.#options.world.clock.defer(() => this.#fetch())
  }

  #stop(follower: Follower): void {
    this.#heldBack.delete(follower)
    this.#fetched.delete(follower)
    this.#changed.delete(follower)
    this.#session.forget(follower)
  }

  #fetch(): void {
    if (this.#isFetching || this.#isClosed || this.#pause !== null) return
    const { channel, settings, nodeId, brokerEpoch } = this.#options
    this.#holdBack()
    const changed = this.#changed
    this.#changed = new Set()
    const { isEmpty, ...partitions } = this.#session.next(this.#fetched, changed)
    if (isEmpty) {
      this.#session.reset()
      return
    }
    this.#isFetching = true
    const body = (version: number): Draft<FetchRequest> => {
      if (version < minVersion)
        throw new KafkaError(ErrorCode.UNSUPPORTED_VERSION, `the leader speaks version ${version} of Fetch`)
      const state = { replicaId: nodeId, replicaEpoch: brokerEpoch() }
      return {
        ...(version < 15 ? { replicaId: nodeId } : { replicaState: state }),
        maxWaitMs: settings.maxWaitMs,
        minBytes: settings.minBytes,
        maxBytes: settings.maxBytes,
        ...partitions,
      }
    }
    channel.request(Fetch, body, { timeoutMs: settings.timeoutMs, maxVersion }).then(
      response => this.#answered(response),
      error => this.#failed(messageOf(error)),
    )
  }

  /** Replicas that are not in sync yet wait while they take more than they may. */
  #holdBack(): void {
    const { throttle, world } = this.#options
    if (!throttle.isExceeded) return
    const held = [...this.#fetched].filter(({ topic, partition, lag }) => lag > 0 && throttle.isThrottled(topic, partition))
    for (const follower of held) {
      this.#stop(follower)
      this.#heldBack.add(follower)
    }
    if (held.length === 0) return
    world.clock.timer(heldBackMs, () => {
      for (const follower of held) if (this.#heldBack.delete(follower)) this.#resume(follower)
    })
  }

  #answered(response: FetchResponse): void {
    this.#isFetching = false
    if (this.#isClosed) return
    if (response.errorCode !== ErrorCode.NONE) {
      this.#refused(response.errorCode)
      return
    }
    this.#backoffMs = 0
    for (const { topicId, partitions } of response.responses)
      for (const answer of partitions) {
        const follower = this.#followers.get(keyOf({ topicId, partition: answer.partitionIndex }))
        if (follower !== undefined && this.#fetched.has(follower)) this.#take(follower, answer)
      }
    this.#session.answered(response.sessionId)
    this.#fetch()
  }

  #take(follower: Follower, answer: PartitionAnswer): void {
    this.#changed.add(follower)
    if (follower.lostCode !== 0 || !this.#session.fits(follower)) return
    try {
      if (answer.errorCode !== ErrorCode.NONE) {
        this.#refusedPartition(follower, answer.errorCode)
        return
      }
      this.#delayed.letOff(follower)
      if (answer.divergingEpoch.endOffset >= 0) {
        const { topic, partition, logEndOffset } = follower
        follower.diverged(answer.divergingEpoch)
        this.#options.logger.info('replica.truncated', { topic, partition, from: logEndOffset, to: follower.logEndOffset })
        return
      }
      const { records, highWatermark, logStartOffset } = answer
      const { throttle } = this.#options
      if (records !== null && records.length > 0 && throttle.isThrottled(follower.topic, follower.partition))
        throttle.count(records.length)
      follower.take({ records: records ?? noRecords, highWatermark, logStartOffset })
    } catch (error) {
      this.#failedPartition(follower, error)
    }
  }

  #refusedPartition(follower: Follower, errorCode: number): void {
    if (errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) {
      void this.#findRange(follower)
      return
    }
    const { topic, partition, leaderEpoch } = follower
    const { logger, leaderId } = this.#options
    const retryMs = this.#delay(follower)
    // The first refusals are everyday: one of the two has not heard of an election yet.
    if (retryMs >= reportedBackoffMs)
      logger.info('replica.fetch-refused', { topic, partition, leaderId, leaderEpoch, error: errorOf(errorCode).code, retryMs })
  }

  /** The leader's log does not hold the position: it starts behind it, or it ends before it, as after an unclean election. */
  async #findRange(follower: Follower): Promise<void> {
    const { channel, nodeId, logger } = this.#options
    const { topic, partition, leaderEpoch } = follower
    this.#stop(follower)
    const isOurs = () =>
      !this.#isClosed && this.#followers.get(keyOf(follower)) === follower && follower.leaderEpoch === leaderEpoch
    try {
      const range = await leaderOffsets(channel, nodeId, follower)
      if (!isOurs() || follower.lostCode !== 0) return
      if (range.logEndOffset < follower.logEndOffset) {
        logger.warn('replica.ahead-of-leader', {
          topic,
          partition,
          logEndOffset: follower.logEndOffset,
          leaderEnd: range.logEndOffset,
        })
        follower.truncateTo(range.logEndOffset)
      } else if (range.logStartOffset > follower.logEndOffset) {
        logger.info('replica.starts-anew', { topic, partition, logEndOffset: follower.logEndOffset, at: range.logStartOffset })
        follower.startAt(range.logStartOffset)
      }
      this.#resume(follower)
    } catch (error) {
      if (isOurs()) this.#failedPartition(follower, error)
    }
  }

  #failedPartition(follower: Follower, error: unknown): void {
    const { topic, partition } = follower
    if (error instanceof DiskError) follower.errorCodeOf(error)
    else {
      this.#options.logger.warn('replica.not-fetched', {
        topic,
        partition,
        leaderId: this.#options.leaderId,
        reason: messageOf(error),
      })
      this.#delay(follower)
    }
  }

  #delay(follower: Follower): number {
    this.#stop(follower)
    return this.#followers.get(keyOf(follower)) === follower ? this.#delayed.add(follower) : 0
  }

  /** The leader does not know the session, or does not answer at all. */
  #refused(errorCode: number): void {
    this.#session.reset()
    const isSessions =
      errorCode === ErrorCode.FETCH_SESSION_ID_NOT_FOUND ||
      errorCode === ErrorCode.INVALID_FETCH_SESSION_EPOCH ||
      errorCode === ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR
    if (isSessions) this.#fetch()
    else this.#failed(errorOf(errorCode).code)
  }

  #failed(reason: string): void {
    this.#isFetching = false
    if (this.#isClosed) return
    const { world, settings, logger, leaderId } = this.#options
    this.#session.reset()
    this.#backoffMs = Math.min(settings.backoffMs, Math.max(firstBackoffMs, this.#backoffMs * 2))
    if (this.#backoffMs === firstBackoffMs)
      logger.warn('replica.leader-not-reached', { leaderId, partitions: this.#followers.size, reason })
    this.#pause = world.clock.timer(this.#backoffMs, () => {
      this.#pause = null
      this.#fetch()
    })
  }
}

const noRecords = new Uint8Array(0)
