import { AlterConfigs, type Api, ErrorCode, IncrementalAlterConfigs, KafkaError } from '@millrace/protocol'
import { type ConfigSet, type Logger, type Machine, type MachineLog, messageOf, Shell, type World } from '@millrace/runtime'
import { quorumKeys } from '../config/quorum-keys.ts'
import { newUuid } from '../storage/new-uuid.ts'
import { activate } from './activate.ts'
import { BrokerSessions } from './broker-sessions.ts'
import { type ControllerInput, ControllerMachine, decisionOf, type RaftRequest } from './controller.ts'
import type { ControllerState, Decision, Notice } from './decision.ts'
import { MetadataImage } from './image.ts'
import { electUnclean } from './leader-election.ts'
import type { MetadataRecord } from './metadata-record.ts'
import { metadataVersionOf } from './metadata-version.ts'
import { expiredSessions, periodicInputs } from './periodic-decisions.ts'

/** The metadata log as the active controller needs it: raft's node. */
export interface MetadataLog extends MachineLog<MetadataRecord> {
  /** Offset that the next record gets. */
  readonly logEndOffset: number
  /** Why kraft.version cannot be raised to `level` now; null when it can, or is that already. */
  whyNoKraftVersion(level: number): string | null
  /** Raises it; committed with what is appended next. */
  upgradeKraftVersion(level: number): void
}

export interface ActiveControllerOptions {
  readonly world: World
  readonly logger: Logger
  readonly config: ConfigSet
  readonly nodeId: number
  readonly clusterId: string
  readonly log: MetadataLog
  /** At the high watermark, with everything before `epoch` applied. Read when the controller is made, never changed. */
  readonly view: { readonly image: MetadataImage; readonly kraftVersion: () => number }
  /** Raft's epoch in which this node leads. */
  readonly epoch: number
  /** The records of a new cluster, asked for once, when the log has none. */
  readonly bootstrap: () => readonly MetadataRecord[]
  /** It gave a partition another leader: for the metrics. Default: nobody is told. */
  readonly elected?: (election: 'clean' | 'unclean') => void
  /** It stopped by itself: the log refused an append, or a record could not be applied. The node should give up the quorum's lead. Called at most once. */
  readonly failed: (error: Error) => void
}

/**
 * The controller while this node leads the quorum: its image is that of the log's end, made from the committed one and dropped with it. Make one
 * for every epoch that this node leads, `start` it, and `stop` it when raft says that another leads.
 */
export class ActiveController {
  readonly #options: ActiveControllerOptions
  readonly #state: ControllerState
  readonly #shell: Shell<ControllerInput, MetadataRecord, RaftRequest>
  readonly #waiting = new Set<(error: Error) => void>()
  readonly #inTransaction: boolean
  readonly #sessionCheck: ControllerInput
  #stopped: Error | null = null

  constructor(options: ActiveControllerOptions) {
    this.#options = options
    const { world, config, nodeId, clusterId, log, view } = options
    const image = new MetadataImage()
    for (const record of view.image.records()) image.apply(record)
    this.#inTransaction = view.image.inTransaction
    const sessions = new BrokerSessions(config.get(quorumKeys.brokerSessionTimeoutMs)!)
    const nowMs = world.clock.monotonic()
    for (const broker of image.brokers()) if (!broker.fenced) sessions.grant(broker.id, nowMs)
    this.#state = {
      config,
      nodeId,
      clusterId,
      image,
      metadata: image,
      newUuid: () => newUuid(world),
      below: bound => world.random.below(bound),
      nextOffset: () => log.logEndOffset,
      kraftVersion: () => view.kraftVersion(),
      whyNoKraftVersion: level => log.whyNoKraftVersion(level),
      sessions,
      nowMs,
    }
    this.#sessionCheck = expiredSessions({
      fenced: brokerId => options.logger.info('controller.broker-fenced', { brokerId, why: 'session ended' }),
    })
    this.#shell = new Shell({
      machine: this.#guarded(new ControllerMachine(this.#state)),
      log,
      clock: world.clock,
      send: (_, { kraftVersion }) => log.upgradeKraftVersion(kraftVersion),
      failed: error => this.#fail(error),
    })
  }

  /** The level of metadata.version in which records are written now. */
  get metadataVersion(): number {
    return metadataVersionOf(this.#state.image)
  }

  /** Writes what a new controller owes the log; resolves when that is committed. Rejects with a MillraceError UNSUPPORTED_FEATURE, or NOT_CONTROLLER when stopped before. */
  async start(): Promise<void> {
    const { logger, config, epoch, bootstrap } = this.#options
    const activated = this.#decide(state => activate(state, this.#inTransaction, bootstrap))
    this.#shell.submit(this.#sessionCheck)
    for (const input of periodicInputs(config, {
      elected: (partitions, election) => logger.info('controller.leaders-elected', { partitions, election }),
    }))
      this.#shell.submit(input)
    await activated
    logger.info('controller.active', { nodeId: this.#options.nodeId, epoch })
  }

  /**
   * Decides the request; resolves with Kafka's own response after its records are committed. Rejects with a KafkaError: NOT_CONTROLLER when
   * this node stopped being the controller, UNSUPPORTED_VERSION for an API that is not the controller's, UNKNOWN_SERVER_ERROR for a bug.
   */
  request<Request, Response>(api: Api<Request, Response>, version: number, request: Request): Promise<Response> {
    const decide = decisionOf(api)
    if (!decide) return Promise.reject(new KafkaError(ErrorCode.UNSUPPORTED_VERSION, `the controller does not serve ${api.name}`))
    const answer = this.#decide(state => {
      try {
        return decide(state, request, version)
      } catch (error) {
        this.#options.logger.error('controller.decision-failed', { api: api.name, error: messageOf(error) })
        throw new KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, `${api.name} failed in the controller`, { cause: error })
      }
    })
    // Partitions without a leader need not wait for the next round if unclean elections are allowed now.
    if (api.key === IncrementalAlterConfigs.key || api.key === AlterConfigs.key)
      this.#shell.submit({ decide: state => ({ records: electUnclean(state), response: null }), answer: () => {} })
    return answer
  }

  /**
   * That process of the broker is no more: its session ends now, unless it was heard after `sinceMs` of the monotonic clock. With brokers whose end nobody sees,
   * the session takes its time.
   */
  brokerGone(brokerId: number, brokerEpoch: number, sinceMs: number): void {
    const end = ({ sessions, image }: ControllerState): Decision<null> => {
      if (image.broker(brokerId)?.epoch === brokerEpoch && sessions.lastHeardMs(brokerId) <= sinceMs) sessions.end(brokerId)
      return { records: [], response: null }
    }
    this.#shell.submit({ decide: end, answer: () => {} })
    this.#shell.submit(this.#sessionCheck)
  }

  /** Ends it: every answer that waits is NOT_CONTROLLER, whatever becomes of its records. */
  stop(error: Error = notController()): void {
    if (this.#stopped) return
    this.#stopped = error
    this.#shell.stop()
    for (const reject of this.#waiting) reject(error)
    this.#waiting.clear()
  }

  #decide<Response>(decide: (state: ControllerState) => Decision<Response>): Promise<Response> {
    if (this.#stopped) return Promise.reject(this.#stopped)
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject)
      const settle = () => this.#waiting.delete(reject)
      let notice: Notice | undefined
      this.#shell.submit({
        decide: state => {
          try {
            const decision = decide(state)
            notice = decision.notice
            return decision
          } catch (error) {
            settle()
            reject(error)
            return { records: [], response: undefined }
          }
        },
        answer: response => {
          settle()
          if (notice) this.#options.logger[notice.level](notice.event, notice.facts)
          resolve(response as Response)
        },
      })
    })
  }

  /** A record that cannot be applied is a bug, and then the image is not the fold of the log: this node must not decide anything more. */
  #guarded(machine: ControllerMachine): Machine<ControllerInput, MetadataRecord, RaftRequest> {
    const attempt = <T>(run: () => T, otherwise: T): T => {
      try {
        return run()
      } catch (error) {
        this.#options.logger.error('controller.failed', { error: messageOf(error) })
        this.#fail(error as Error)
        return otherwise
      }
    }
    return {
      step: (input, nowMs) => attempt(() => machine.step(input, nowMs), []),
      apply: record => {
        attempt(() => machine.apply(record), undefined)
        if (record.type === 'PartitionChangeRecord' && record.value.leader >= 0)
          this.#options.elected?.(record.value.leaderRecoveryState === 1 ? 'unclean' : 'clean')
      },
    }
  }

  #fail(error: Error): void {
    if (this.#stopped) return
    this.#options.logger.warn('controller.lost', { epoch: this.#options.epoch, error: messageOf(error) })
    this.stop()
    this.#options.failed(error)
  }
}

function notController(): KafkaError {
  return new KafkaError(ErrorCode.NOT_CONTROLLER, 'this node is not the active controller')
}
