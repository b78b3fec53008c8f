import type { ConfigSet, Logger, Timer, World } from '@millrace/runtime'
import type { BrokerMetrics } from '../broker-metrics.ts'
import { replicationKeys as keys } from '../config/replication-keys.ts'
import type { Follower } from '../partition/follower.ts'
import type { IsrProposal, ReplicaEnvironment } from '../partition/replica-environment.ts'
import type { BrokerMetadata, ControllerClient, MetadataView, PeerBrokers } from '../services.ts'
import { DirectoryAssignments } from './directory-assignments.ts'
import { Fetcher, type FetcherSettings } from './fetcher.ts'
import { IsrProposals } from './isr-proposals.ts'
import { ReplicationThrottle } from './replication-throttle.ts'

export interface ReplicationOptions {
  readonly world: World
  readonly logger: Logger
  readonly metrics: BrokerMetrics
  readonly config: ConfigSet
  readonly nodeId: number
  readonly metadata: MetadataView
}

/** What is there once the broker is registered. */
export interface ReplicationServices {
  readonly peers: PeerBrokers
  readonly controller: ControllerClient
  readonly brokerEpoch: () => number
  readonly partitions: { shrinkInSyncSets(): void }
}

/** What keeps the replicas of a cluster together, on one broker: fetches what is followed here, and looks after the in-sync sets of what is led here. */
export class Replication implements ReplicaEnvironment {
  readonly nodeId: number
  readonly lagTimeMaxMs: number
  readonly #options: ReplicationOptions
  readonly #settings: FetcherSettings
  readonly #throttle: ReplicationThrottle
  readonly #fetchers = new Map<string, Fetcher>()
  /** Everything followed here that has a leader, with its fetcher as soon as there is one. */
  readonly #followed = new Map<Follower, Fetcher | null>()
  readonly #early: IsrProposal[] = []
  readonly #placedEarly: [{ readonly topicId: string; readonly partition: number }, string][] = []
  readonly #unsubscribe: () => void
  #services: ReplicationServices | null = null
  #proposals: IsrProposals | null = null
  #directories: DirectoryAssignments | null = null
  #shrinking: Timer | null = null
  #isClosed = false

  constructor(options: ReplicationOptions) {
    const { config, nodeId, metadata } = options
    this.#options = options
    this.nodeId = nodeId
    this.#throttle = new ReplicationThrottle('follower', options)
    this.lagTimeMaxMs = config.get(keys.replicaLagTimeMaxMs)!
    this.#settings = {
      maxWaitMs: config.get(keys.replicaFetchWaitMaxMs)!,
      minBytes: config.get(keys.replicaFetchMinBytes)!,
      maxPartitionBytes: config.get(keys.replicaFetchMaxBytes)!,
      maxBytes: config.get(keys.replicaFetchResponseMaxBytes)!,
      backoffMs: config.get(keys.replicaFetchBackoffMs)!,
      timeoutMs: config.get(keys.replicaSocketTimeoutMs)!,
    }
    this.#unsubscribe = metadata.subscribe(({ brokersChanged }) => {
      if (brokersChanged) this.#fetchAll()
    })
  }

  /** Begins to fetch and to ask the controller; what the partitions wanted before is done now. */
  start(services: ReplicationServices): void {
    if (this.#isClosed) return
    this.#services = services
    this.#proposals = new IsrProposals({ ...this.#options, ...services })
    this.#directories = new DirectoryAssignments({ ...this.#options, ...services })
    for (const [replica, directoryId] of this.#placedEarly.splice(0)) this.#directories.add(replica, directoryId)
    for (const proposal of this.#early.splice(0)) this.#proposals.add(proposal)
    this.#fetchAll()
    this.#shrinkLater()
  }

  close(): void {
    this.#isClosed = true
    this.#unsubscribe()
    this.#shrinking?.cancel()
    this.#proposals?.close()
    this.#directories?.close()
    for (const fetcher of this.#fetchers.values()) fetcher.close()
    this.#fetchers.clear()
    this.#followed.clear()
  }

  nowMs(): number {
    return this.#options.world.clock.monotonic()
  }

  brokerEpoch(): number {
    return this.#services?.brokerEpoch() ?? -1
  }

  mayBeInSync(brokerId: number, brokerEpoch: number): boolean {
    const broker = this.#broker(brokerId)
    if (broker === undefined || broker.fenced || broker.inControlledShutdown === true) return false
    return brokerEpoch < 0 || brokerEpoch === broker.epoch
  }

  brokerEpochOf(brokerId: number): number {
    return this.#broker(brokerId)?.epoch ?? -1
  }

  propose(proposal: IsrProposal): void {
    if (this.#proposals !== null) this.#proposals.add(proposal)
    else this.#early.push(proposal)
  }

  placed(replica: { readonly topicId: string; readonly partition: number }, directoryId: string): void {
    if (this.#directories !== null) this.#directories.add(replica, directoryId)
    else this.#placedEarly.push([replica, directoryId])
  }

  shrunk(): void {
    this.#options.metrics.isrShrunk()
  }

  expanded(): void {
    this.#options.metrics.isrExpanded()
  }

  follow(follower: Follower): void {
    if (this.#isClosed) return
    if (follower.leaderId < 0) {
      this.unfollow(follower)
      return
    }
    const before = this.#followed.get(follower) ?? null
    const fetcher = this.#fetcherOf(follower)
    if (before !== null && before !== fetcher) this.#leave(before, follower)
    this.#followed.set(follower, fetcher)
    fetcher?.add(follower)
  }

  unfollow(follower: Follower): void {
    const fetcher = this.#followed.get(follower)
    this.#followed.delete(follower)
    if (fetcher) this.#leave(fetcher, follower)
  }

  /** Followers whose leader was not known when they came. */
  #fetchAll(): void {
    for (const [follower, fetcher] of this.#followed) if (fetcher === null) this.follow(follower)
  }

  #leave(fetcher: Fetcher, follower: Follower): void {
    fetcher.remove(follower)
    if (fetcher.partitionCount > 0) return
    fetcher.close()
    for (const [key, known] of this.#fetchers) if (known === fetcher) this.#fetchers.delete(key)
  }

  #fetcherOf(follower: Follower): Fetcher | null {
    if (this.#services === null) return null
    const { leaderId } = follower
    const number = fetcherNumber(follower, this.#options.config.get(keys.numReplicaFetchers)!)
    const key = `${leaderId}/${number}`
    const known = this.#fetchers.get(key)
    if (known) return known
    const { peers, brokerEpoch } = this.#services
    const { world, logger, nodeId } = this.#options
    const channel = peers.channel(leaderId, `broker-${nodeId}-fetcher-${number}`)
    if (channel === null) return null
    const fetcher = new Fetcher({
      world,
      logger,
      nodeId,
      brokerEpoch,
      leaderId,
      channel,
      settings: this.#settings,
      throttle: this.#throttle,
    })
    this.#fetchers.set(key, fetcher)
    return fetcher
  }

  #broker(brokerId: number): BrokerMetadata | undefined {
    for (const broker of this.#options.metadata.brokers()) if (broker.id === brokerId) return broker
    return undefined
  }

  #shrinkLater(): void {
    this.#shrinking = this.#options.world.clock.timer(this.lagTimeMaxMs / 2, () => {
      this.#services?.partitions.shrinkInSyncSets()
      this.#shrinkLater()
    })
  }
}

/** Which of a leader's fetchers carries a partition: always the same one. */
function fetcherNumber({ topic, partition }: Follower, count: number): number {
  if (count === 1) return 0
  let hash = partition
  for (let i = 0; i < topic.length; i++) hash = (Math.imul(31, hash) + topic.charCodeAt(i)) | 0
  return Math.abs(hash) % count
}
