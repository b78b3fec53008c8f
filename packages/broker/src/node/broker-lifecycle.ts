import { BrokerHeartbeat, BrokerRegistration, ErrorCode, errorFacts } from '@millrace/protocol'
import { type ConfigSet, type Logger, MillraceError, messageOf, sleep, type Timer, type World } from '@millrace/runtime'
import type { ClusterControllerClient } from '../channel/controller-client.ts'
import { nodeKeys } from '../config/node-keys.ts'
import { quorumKeys } from '../config/quorum-keys.ts'
import { replicationKeys } from '../config/replication-keys.ts'
import { supportedFeatures } from '../controller/features.ts'
import { MetadataVersion, metadataVersionOf } from '../controller/metadata-version.ts'
import type { CommittedMetadata } from '../controller/metadata-view.ts'
import { newUuid } from '../storage/new-uuid.ts'
import type { BoundListener } from './node-listeners.ts'

export interface BrokerLifecycleOptions {
  readonly world: World
  readonly logger: Logger
  readonly config: ConfigSet
  readonly nodeId: number
  readonly clusterId: string
  readonly metadata: CommittedMetadata
  readonly controller: Pick<ClusterControllerClient, 'request'>
  /** Somebody leads the quorum, as far as this node knows. */
  readonly isControllerKnown: () => boolean
  readonly listeners: readonly BoundListener[]
  /** `directory.id` of each log directory. */
  readonly logDirectoryIds: readonly string[]
  /** Those whose disk has failed. */
  readonly offlineDirectoryIds: () => readonly string[]
  /** Broker epoch of the run before if it ended cleanly, else -1. */
  readonly previousBrokerEpoch: number
  /** This broker may not go on: another process has its number, or the controller cannot be told of a failed disk. */
  readonly failed: (error: Error) => void
}

/** `recovering`: registered and fenced until its logs are open. `stopping`: the controller moves its leaders. */
type State = 'starting' | 'recovering' | 'running' | 'stopping' | 'stopped'

/** While something is expected of the controller, it is asked so often. */
const eagerHeartbeatMs = 50
/** A new process is refused while the session of the one before lasts: asked again so often. */
const registrationRetryMs = 200
/** A broker that stops waits no longer for its leaders to move. */
const controlledShutdownMs = 60_000
/** Nor longer than this for a controller that does not answer. */
const silentControllerMs = 3_000
/** Nor longer than this for another one to be elected: the last nodes of a cluster that stops wait in vain. */
const leaderlessMs = 1_000
const shutdownLookMs = 100
/** Clients that still come learn from this broker that others lead now: better than a connection that breaks. */
const farewellMs = 250

/**
 * This broker's standing with the controller: it registers as a new incarnation, says every `broker.heartbeat.interval.ms` that it lives and how far
 * it has applied the metadata, and asks to be let go.
 */
export class BrokerLifecycle {
  readonly #options: BrokerLifecycleOptions
  readonly #incarnationId: string
  #state: State = 'starting'
  #brokerEpoch = -1
  #isFenced = true
  #timer: Timer | null = null
  #inFlight = false
  #again = false
  #silentSinceMs: number | null = null
  #lostDirectorySinceMs: number | null = null
  #toldDirectories = 0
  #whenUnfenced: (() => void) | null = null
  #letGo: ((isGranted: boolean) => void) | null = null
  #whenClosed: ((error: Error) => void) | null = null

  constructor(options: BrokerLifecycleOptions) {
    this.#options = options
    this.#incarnationId = newUuid(options.world)
  }

  /** -1 before the registration. */
  get brokerEpoch(): number {
    return this.#brokerEpoch
  }
  /** The controller gives it no leaders, and clients are not told of it. */
  get isFenced(): boolean {
    return this.#isFenced
  }
  get isStopping(): boolean {
    return this.#state === 'stopping' || this.#state === 'stopped'
  }
  /** Why this broker does not serve as it should, in a few words; null: it does. */
  get unreadiness(): string | null {
    if (this.#state === 'starting') return 'starting: not registered with a controller yet'
    if (this.#state === 'recovering') return 'starting: its logs are being opened'
    if (this.isStopping) return 'stopping'
    if (this.#isFenced) return 'fenced: the controller has not let it serve'
    return this.#silentSinceMs === null ? null : 'no active controller answers'
  }

  /**
   * Finds the active controller and registers; resolves when this node has applied its own registration, with the broker epoch. Heartbeats go out from
   * then on. Rejects with a MillraceError: NOT_REGISTERED after `initial.broker.registration.timeout.ms`, or the controller's reason at once.
   */
  async register(): Promise<number> {
    const { world, logger, config, metadata, nodeId } = this.#options
    const endMs = world.clock.monotonic() + config.get(quorumKeys.initialBrokerRegistrationTimeoutMs)!
    await this.#register(this.#options.previousBrokerEpoch, endMs)
    logger.info('broker.registered', { nodeId, epoch: this.#brokerEpoch, incarnationId: this.#incarnationId })
    this.#state = 'recovering'
    this.#beat()
    await this.#unlessClosed(resolve => metadata.whenApplied(this.#brokerEpoch, resolve))
    return this.#brokerEpoch
  }

  /** The logs are open: resolves when the controller has unfenced this broker. */
  unfence(): Promise<void> {
    this.#state = 'running'
    return this.#unlessClosed(resolve => {
      this.#whenUnfenced = resolve
      this.beatSoon()
    })
  }

  /** Tells the controller now: a directory has failed. */
  beatSoon(): void {
    if (this.#state === 'starting' || this.#state === 'stopped') return
    if (this.#inFlight) this.#again = true
    else this.#beat()
  }

  /** Controlled shutdown: resolves when the controller has moved what this broker leads, or when it takes too long. */
  async shutDown(): Promise<void> {
    const { world, logger, config } = this.#options
    if (this.#state === 'starting' || this.isStopping) return
    if (config.get(quorumKeys.controlledShutdownEnable)) {
      this.#state = 'stopping'
      const letGo = await new Promise<boolean>(resolve => {
        this.#letGo = resolve
        this.#watchShutdown(world.clock.monotonic(), null)
        this.beatSoon()
      })
      this.#letGo = null
      if (letGo && this.#hasPeers()) await sleep(world.clock, farewellMs)
      if (!letGo) logger.warn('broker.not-let-go', { reason: 'the controller did not move its leaders in time' })
    }
    this.close()
  }

  #hasPeers(): boolean {
    for (const { id, fenced } of this.#options.metadata.brokers()) if (!fenced && id !== this.#options.nodeId) return true
    return false
  }

  #watchShutdown(startedMs: number, leaderlessSinceMs: number | null): void {
    if (this.#letGo === null) return
    const { world, isControllerKnown } = this.#options
    const now = world.clock.monotonic()
    const sinceMs = isControllerKnown() ? null : (leaderlessSinceMs ?? now)
    const isLeaderless = sinceMs !== null && now - sinceMs >= leaderlessMs
    const isSilent = this.#silentSinceMs !== null && now - this.#silentSinceMs >= silentControllerMs
    if (isLeaderless || isSilent || now - startedMs >= controlledShutdownMs) this.#letGo(false)
    else world.clock.timer(shutdownLookMs, () => this.#watchShutdown(startedMs, sinceMs))
  }

  /** No further heartbeat. */
  close(): void {
    this.#state = 'stopped'
    this.#timer?.cancel()
    this.#letGo?.(false)
    this.#whenClosed?.(new MillraceError('CLOSED', 'the broker was closed while it started'))
  }

  #unlessClosed(wait: (done: () => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#whenClosed = reject
      wait(resolve)
    })
  }

  /** Until the controller takes it, or `endMs` of the monotonic clock. */
  async #register(previousBrokerEpoch: number, endMs: number): Promise<void> {
    const { world, logger, config, nodeId, clusterId, controller, listeners, logDirectoryIds } = this.#options
    const request = {
      brokerId: nodeId,
      clusterId,
      incarnationId: this.#incarnationId,
      listeners,
      features: supportedFeatures,
      rack: config.get(nodeKeys.brokerRack),
      isMigratingZkBroker: false,
      logDirs: logDirectoryIds,
      previousBrokerEpoch,
    }
    for (let isFirst = true; ; isFirst = false) {
      const leftMs = endMs - world.clock.monotonic()
      const answer = await controller
        .request(BrokerRegistration, 4, request, undefined, { deadlineMs: Math.max(1, leftMs) })
        .catch(error => {
          throw notRegistered(`no active controller registered it: ${messageOf(error)}`, error)
        })
      if (answer.errorCode === ErrorCode.NONE) {
        this.#brokerEpoch = answer.brokerEpoch
        return
      }
      const { name, message } = errorFacts(answer.errorCode)
      if (answer.errorCode !== ErrorCode.DUPLICATE_BROKER_REGISTRATION) throw notRegistered(`${name}: ${message}`)
      if (isFirst)
        logger.warn('broker.registered-already', {
          nodeId,
          reason: 'another process has this node.id, or had it and its session has not ended: trying again',
        })
      if (leftMs <= registrationRetryMs) throw notRegistered(`${name}: another process with this node.id is alive`)
      await new Promise<void>(resolve => world.clock.timer(registrationRetryMs, resolve))
      if (this.#state === 'stopped') throw notRegistered('it was stopped')
    }
  }

  #beat(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#inFlight = true
    this.#again = false
    void this.#heartbeat().then(
      eager => this.#schedule(eager),
      error => this.#options.failed(error),
    )
  }

  #schedule(eager: boolean): void {
    this.#inFlight = false
    if (this.#state === 'stopped') return
    if (this.#again) {
      this.#beat()
      return
    }
    const { world, config } = this.#options
    const intervalMs = config.get(quorumKeys.brokerHeartbeatIntervalMs)!
    this.#timer = world.clock.timer(eager ? Math.min(eagerHeartbeatMs, intervalMs) : intervalMs, () => this.#beat())
  }

  /** True: something is expected soon. Throws what this broker cannot go on with. */
  async #heartbeat(): Promise<boolean> {
    const { config, nodeId, controller, metadata, offlineDirectoryIds, logger, world } = this.#options
    const offlineLogDirs = offlineDirectoryIds()
    const state = this.#state
    const request = {
      brokerId: nodeId,
      brokerEpoch: this.#brokerEpoch,
      currentMetadataOffset: metadata.appliedOffset,
      wantFence: state === 'recovering',
      wantShutDown: state === 'stopping',
      offlineLogDirs,
      cordonedLogDirs: null,
    }
    const deadlineMs = Math.max(1, Math.min(config.get(quorumKeys.brokerSessionTimeoutMs)! / 2, silentControllerMs))
    const sentMs = world.clock.monotonic()
    let answer: { errorCode: number; isFenced: boolean; shouldShutDown: boolean }
    try {
      answer = await controller.request(BrokerHeartbeat, 2, request, undefined, { deadlineMs })
    } catch (error) {
      this.#unheard(error, sentMs, offlineLogDirs.length)
      return true
    }
    if (this.#silentSinceMs !== null) logger.info('broker.heard-again', { nodeId })
    this.#silentSinceMs = null
    if (answer.errorCode === ErrorCode.STALE_BROKER_EPOCH || answer.errorCode === ErrorCode.BROKER_ID_NOT_REGISTERED) {
      await this.#registerAgain()
      return true
    }
    if (answer.errorCode !== ErrorCode.NONE) {
      logger.warn('broker.heartbeat-refused', { nodeId, error: errorFacts(answer.errorCode).name })
      return true
    }
    this.#lostDirectorySinceMs = null
    this.#toldDirectories = offlineLogDirs.length
    this.#take(answer, state)
    if (this.#lacksDirectories()) {
      logger.info('broker.tells-directories', { nodeId, directories: this.#options.logDirectoryIds.length })
      await this.#registerOnce()
    }
    const isExpected = this.#state === 'stopping' || (this.#state === 'running' && this.#isFenced)
    return isExpected || offlineDirectoryIds().length > this.#toldDirectories
  }

  #take({ isFenced, shouldShutDown }: { isFenced: boolean; shouldShutDown: boolean }, asked: State): void {
    const { logger, nodeId } = this.#options
    if (asked === 'running' && this.#state === 'running' && isFenced !== this.#isFenced)
      logger[isFenced ? 'warn' : 'info'](isFenced ? 'broker.fenced' : 'broker.unfenced', { nodeId, epoch: this.#brokerEpoch })
    this.#isFenced = isFenced
    if (!isFenced && asked === 'running') {
      this.#whenUnfenced?.()
      this.#whenUnfenced = null
    }
    if (shouldShutDown && asked === 'stopping') {
      this.#letGo?.(true)
    }
  }

  /** The controller did not answer: what this broker leads goes on, as only the controller could take it away. */
  #unheard(error: unknown, sentMs: number, offlineDirectories: number): void {
    const { logger, nodeId, config, world } = this.#options
    if (this.#state === 'stopped') return
    if (this.#silentSinceMs === null) {
      this.#silentSinceMs = sentMs
      logger.warn('broker.not-heard', { nodeId, error: messageOf(error) })
    }
    if (offlineDirectories <= this.#toldDirectories) return
    this.#lostDirectorySinceMs ??= sentMs
    const limitMs = config.get(replicationKeys.logDirFailureTimeoutMs)!
    if (world.clock.monotonic() - this.#lostDirectorySinceMs < limitMs) return
    throw new MillraceError('DIRECTORY_FAILED', `no controller could be told in ${limitMs} ms that a log directory failed`)
  }

  /** The controller does not know this broker's epoch: somebody unregistered it, or another process has taken its number. */
  async #registerAgain(): Promise<void> {
    const { logger, metadata, nodeId } = this.#options
    const known = metadata.image.broker(nodeId)
    if (known !== undefined && known.incarnationId !== this.#incarnationId && known.epoch > this.#brokerEpoch) {
      throw new MillraceError('NODE_ID_IN_USE', `another process registered as node ${nodeId}, and this one has to go`, {
        hint: 'give every node a node.id of its own',
      })
    }
    // Only what the metadata say counts: they may not be here yet.
    if (known !== undefined) return
    logger.warn('broker.unregistered', { nodeId, epoch: this.#brokerEpoch })
    await this.#registerOnce()
  }

  /** It registered when the metadata could not say where replicas are, and metadata.version was raised since. */
  #lacksDirectories(): boolean {
    const { metadata, nodeId } = this.#options
    const known = metadata.image.broker(nodeId)
    return (
      known?.incarnationId === this.#incarnationId &&
      known.logDirs.length === 0 &&
      metadataVersionOf(metadata.image) >= MetadataVersion.directories
    )
  }

  /** What fails is tried again with the next heartbeat. */
  async #registerOnce(): Promise<void> {
    const { world, logger, config, nodeId } = this.#options
    try {
      await this.#register(this.#brokerEpoch, world.clock.monotonic() + config.get(quorumKeys.brokerSessionTimeoutMs)!)
      logger.info('broker.registered', { nodeId, epoch: this.#brokerEpoch, incarnationId: this.#incarnationId })
    } catch (error) {
      logger.warn('broker.not-registered', { nodeId, error: messageOf(error) })
    }
  }
}

function notRegistered(why: string, cause?: unknown): MillraceError {
  return new MillraceError('NOT_REGISTERED', `The cluster did not take this broker: ${why}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'look at controller.quorum.*, node.id and the cluster id of the log directories',
  })
}
