import { ErrorCode } from '@millrace/protocol'
import type { Timer } from '@millrace/runtime'
import { groupHandlers } from '../api/group-handlers.ts'
import type { ApiHandler } from '../api/handler.ts'
import { groupKeys } from '../config/group-keys.ts'
import type { BrokerServices, MetadataChange } from '../services.ts'
import { coordinatorPartition, offsetsTopic } from './coordinator-partition.ts'
import { CoordinatorShard, type GroupOffset } from './coordinator-shard.ts'
import type { GroupEnvironment } from './group-environment.ts'
import type { Answer, GroupInput, GroupListing } from './group-input.ts'
import { uuidOf } from './random-uuid.ts'

/** The group coordinators of one broker: one machine for each partition of `__consumer_offsets` that it leads. */
export interface GroupCoordinators {
  /** FindCoordinator, JoinGroup, SyncGroup, Heartbeat, LeaveGroup, DescribeGroups, ListGroups, DeleteGroups, OffsetCommit, OffsetFetch, OffsetDelete. */
  readonly handlers: readonly ApiHandler<any, any>[]
  /** What the groups coordinated here have committed. */
  committed(): Iterable<GroupOffset>
  /** Answers what is parked with NOT_COORDINATOR and drops all timers. */
  close(): void
}

/** What the handlers of group requests see. */
export interface GroupRouter {
  /** Asks the group's coordinator; when it is not here, or not ready, the answer is what `refusal` makes of the error code. */
  ask<Response>(
    groupId: string,
    input: (answer: Answer<Response>) => GroupInput,
    refusal: (errorCode: number) => Response,
  ): Promise<Response>
  /** All groups coordinated here; an error code while one of the coordinators loads. */
  list(): Promise<readonly GroupListing[] | number>
}

/** A member's first JoinGroup is parked at most so long. */
const newMemberJoinTimeoutMs = 300_000
/** Bounds what a flood of first joins can take. */
const maxPendingMembers = 10_000
/** A coordinator whose append failed is loaded anew at the earliest so long after. */
const reloadDelayMs = 1000
/** Default of max.message.bytes, which `__consumer_offsets` is created with. */
const maxBatchBytes = 1_048_588

/** Follows the metadata: loads a coordinator when this broker becomes leader of its partition, drops it when it no longer is. */
export function openGroupCoordinators(services: BrokerServices): GroupCoordinators {
  const coordinators = new Coordinators(services)
  return {
    handlers: groupHandlers(coordinators),
    committed: () => coordinators.committed(),
    close: () => coordinators.close(),
  }
}

class Coordinators implements GroupRouter {
  readonly #services: BrokerServices
  readonly #environment: GroupEnvironment
  readonly #shards = new Map<number, CoordinatorShard>()
  /** Monotonic time before which a failed partition is not loaded again. */
  readonly #reloadAtMs = new Map<number, number>()
  #reloadTimer: Timer | null = null
  readonly #unsubscribe: () => void
  #closed = false

  constructor(services: BrokerServices) {
    this.#services = services
    this.#environment = environmentOf(services)
    this.#unsubscribe = services.metadata.subscribe(change => this.#metadataChanged(change))
    this.#followLeadership()
  }

  ask<Response>(
    groupId: string,
    input: (answer: Answer<Response>) => GroupInput,
    refusal: (errorCode: number) => Response,
  ): Promise<Response> {
    const shard = this.#shardOf(groupId)
    if (typeof shard === 'number') return Promise.resolve(refusal(shard))
    return new Promise(resolve => shard.ask(input, refusal, resolve))
  }

  *committed(): Iterable<GroupOffset> {
    for (const shard of this.#shards.values()) yield* shard.committed()
  }

  async list(): Promise<readonly GroupListing[] | number> {
    this.#followLeadership()
    const loading = [...this.#shards.values()].find(shard => shard.errorCode !== ErrorCode.NONE)
    if (loading) return loading.errorCode
    const lists = await Promise.all(
      [...this.#shards.values()].map(
        shard =>
          new Promise<readonly GroupListing[] | number>(resolve =>
            shard.ask<readonly GroupListing[] | number>(
              answer => ({ kind: 'list', answer }),
              errorCode => errorCode,
              resolve,
            ),
          ),
      ),
    )
    const listed: GroupListing[] = []
    // A coordinator that was lost meanwhile lists its groups elsewhere.
    for (const groups of lists) if (typeof groups !== 'number') listed.push(...groups)
    return listed
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#unsubscribe()
    this.#reloadTimer?.cancel()
    for (const shard of this.#shards.values()) shard.close()
    this.#shards.clear()
  }

  #shardOf(groupId: string): CoordinatorShard | number {
    const partitions = this.#services.metadata.topic(offsetsTopic)?.partitions.length ?? 0
    if (partitions === 0 || this.#closed) return ErrorCode.NOT_COORDINATOR
    const index = coordinatorPartition(groupId, partitions)
    return this.#shards.get(index) ?? this.#open(index)
  }

  #metadataChanged({ topics, deletedTopics }: MetadataChange): void {
    if (topics.some(({ name }) => name === offsetsTopic) || deletedTopics.some(({ name }) => name === offsetsTopic))
      this.#followLeadership()
    const names = deletedTopics.map(({ name }) => name)
    if (names.length > 0) for (const shard of this.#shards.values()) shard.tell({ kind: 'topicsDeleted', names })
  }

  /** Opens and closes shards so that there is one a partition led here, each of the present leader epoch. */
  #followLeadership(): void {
    if (this.#closed) return
    const partitions = this.#services.metadata.topic(offsetsTopic)?.partitions ?? []
    for (const [index, shard] of this.#shards) {
      const known = partitions[index]
      if (known?.leader === this.#services.nodeId && known.leaderEpoch === shard.leaderEpoch) continue
      this.#shards.delete(index)
      shard.close()
    }
    for (const [index, { leader }] of partitions.entries()) {
      if (leader === this.#services.nodeId && !this.#shards.has(index)) this.#open(index)
      else if (leader !== this.#services.nodeId) this.#reloadAtMs.delete(index)
    }
  }

  /** The shard, which begins to load, or the error code for requests. */
  #open(index: number): CoordinatorShard | number {
    const { world, partitions, metadata, nodeId } = this.#services
    if ((this.#reloadAtMs.get(index) ?? 0) > world.clock.monotonic()) return ErrorCode.COORDINATOR_NOT_AVAILABLE
    const known = metadata.topic(offsetsTopic)?.partitions[index]
    if (known?.leader !== nodeId) return ErrorCode.NOT_COORDINATOR
    const partition = partitions.leader(offsetsTopic, index)
    if (typeof partition === 'number' || partition.leaderEpoch !== known.leaderEpoch) {
      // The metadata make this broker the leader, but its log is not there (yet).
      this.#retryLater(index)
      return ErrorCode.NOT_COORDINATOR
    }
    this.#reloadAtMs.delete(index)
    const shard = new CoordinatorShard(this.#services, partition, this.#environment, failed => this.#failed(index, failed))
    this.#shards.set(index, shard)
    shard.load()
    return shard
  }

  #failed(index: number, shard: CoordinatorShard): void {
    if (this.#shards.get(index) !== shard) return
    this.#shards.delete(index)
    this.#retryLater(index)
  }

  /** Sessions and offsets of the groups go on expiring, whether somebody asks for them or not. */
  #retryLater(index: number): void {
    this.#reloadAtMs.set(index, this.#services.world.clock.monotonic() + reloadDelayMs)
    this.#armReload()
  }

  #armReload(): void {
    const { clock } = this.#services.world
    if (this.#reloadAtMs.size === 0 || this.#closed) return
    const delayMs = Math.max(0, Math.min(...this.#reloadAtMs.values()) - clock.monotonic())
    this.#reloadTimer ??= clock.timer(delayMs, () => {
      this.#reloadTimer = null
      this.#followLeadership()
      this.#armReload()
    })
  }
}

function environmentOf({ config, metrics, world }: BrokerServices): GroupEnvironment {
  const get = (key: (typeof groupKeys)[keyof typeof groupKeys]) => config.get(key)!
  return {
    limits: {
      initialRebalanceDelayMs: get(groupKeys.groupInitialRebalanceDelayMs),
      minSessionTimeoutMs: get(groupKeys.groupMinSessionTimeoutMs),
      maxSessionTimeoutMs: get(groupKeys.groupMaxSessionTimeoutMs),
      maxSize: get(groupKeys.groupMaxSize),
      maxPendingMembers,
      newMemberJoinTimeoutMs,
      offsetMetadataMaxLength: get(groupKeys.offsetMetadataMaxBytes),
      offsetsRetentionMs: get(groupKeys.offsetsRetentionMinutes) * 60_000,
      offsetsExpiryCheckIntervalMs: get(groupKeys.offsetsRetentionCheckIntervalMs),
      maxBatchBytes,
    },
    wallMs: () => world.clock.now(),
    newId: () => uuidOf(world.random.bytes(16)),
    rebalanceBegun: () => metrics.rebalanceBegun(),
  }
}
