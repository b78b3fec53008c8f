import { ErrorCode, KafkaError } from '@millrace/protocol'
import { type Machine, messageOf, Shell, type Timer } from '@millrace/runtime'
import { groupKeys } from '../config/group-keys.ts'
import type { BrokerServices, LeaderPartition } from '../services.ts'
import { loadCoordinator } from './coordinator-loader.ts'
import { CoordinatorLog } from './coordinator-log.ts'
import { CoordinatorMachine } from './coordinator-machine.ts'
import type { GroupEnvironment } from './group-environment.ts'
import type { Answer, GroupInput } from './group-input.ts'
import type { GroupRecord } from './group-records.ts'

/** Requests that are never parked: they wait for the high watermark alone, and not for ever (offsets.commit.timeout.ms). */
const writes: ReadonlySet<GroupInput['kind']> = new Set(['commitOffsets', 'deleteOffsets', 'delete'])

/** An offset that a group has committed. */
export interface GroupOffset {
  readonly groupId: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

type ShardState = 'loading' | 'active' | 'closed'

/**
 * One partition of `__consumer_offsets` led here: its machine, from the replay of the log to the loss of leadership. Each request gets one
 * answer: the machine's, behind all that was appended before it, or an error code when the shard closes first.
 */
export class CoordinatorShard {
  readonly partition: LeaderPartition
  readonly #machine: CoordinatorMachine
  readonly #log: CoordinatorLog
  readonly #shell: Shell<GroupInput, GroupRecord>
  /** How to fail each request that has not been answered. */
  readonly #waiting = new Set<(errorCode: number) => void>()
  readonly #services: BrokerServices
  readonly #failed: (shard: CoordinatorShard) => void
  readonly #commitTimeoutMs: number
  #state: ShardState = 'loading'

  /** `failed` is called once when the shard closed itself: an append was refused, or its log cannot be read. */
  constructor(
    services: BrokerServices,
    partition: LeaderPartition,
    environment: GroupEnvironment,
    failed: (shard: CoordinatorShard) => void,
  ) {
    this.partition = partition
    this.#services = services
    this.#failed = failed
    this.#commitTimeoutMs = services.config.get(groupKeys.offsetsCommitTimeoutMs)!
    this.#machine = new CoordinatorMachine(environment)
    this.#log = new CoordinatorLog(partition, environment.wallMs, environment.limits.maxBatchBytes)
    this.#shell = new Shell({
      machine: this.#behindCommits(),
      log: this.#log,
      clock: services.world.clock,
      failed: error => this.#fail(error),
    })
  }

  /** Of the leadership that the shard belongs to. */
  get leaderEpoch(): number {
    return this.#log.leaderEpoch
  }

  /** What its groups have committed; nothing while it loads. */
  *committed(): Iterable<GroupOffset> {
    if (this.errorCode !== ErrorCode.NONE) return
    for (const { id: groupId, offsets } of this.#machine.groups())
      for (const [topic, partitions] of offsets.topics())
        for (const [partition, { offset }] of partitions) yield { groupId, topic, partition, offset }
  }

  load(): void {
    const { world, logger } = this.#services
    const startedMs = world.clock.monotonic()
    loadCoordinator({
      partition: this.partition,
      machine: this.#machine,
      clock: world.clock,
      logger,
      wanted: () => this.#state === 'loading',
      done: error => {
        if (this.#state !== 'loading') return
        if (error) {
          this.#fail(error)
          return
        }
        this.#state = 'active'
        const elapsedMs = Math.round(world.clock.monotonic() - startedMs)
        if (this.partition.logEndOffset > 0)
          logger.info('group.coordinator-loaded', { partition: this.partition.partition, elapsedMs })
        this.#shell.submit({ kind: 'loaded' })
      },
    })
  }

  /** NONE, or what a request is answered now. */
  get errorCode(): number {
    if (this.#state === 'active') return ErrorCode.NONE
    return this.#state === 'loading' ? ErrorCode.COORDINATOR_LOAD_IN_PROGRESS : ErrorCode.NOT_COORDINATOR
  }

  /** Hands an input to the machine; `settle` is called once, with the machine's response or with what `refusal` makes of an error code. */
  ask<Response>(
    input: (answer: Answer<Response>) => GroupInput,
    refusal: (errorCode: number) => Response,
    settle: (response: Response) => void,
  ): void {
    if (this.#state !== 'active') {
      settle(refusal(this.errorCode))
      return
    }
    let timer: Timer | undefined
    const fail = (errorCode: number) => {
      timer?.cancel()
      settle(refusal(errorCode))
    }
    this.#waiting.add(fail)
    const answer = (response: Response) => {
      timer?.cancel()
      if (this.#waiting.delete(fail)) settle(response)
    }
    const submitted = input(answer)
    this.#shell.submit(submitted)
    if (!writes.has(submitted.kind) || !this.#waiting.has(fail)) return
    timer = this.#services.world.clock.timer(this.#commitTimeoutMs, () => answer(refusal(ErrorCode.COORDINATOR_NOT_AVAILABLE)))
  }

  /** An input that nobody waits for. */
  tell(input: GroupInput): void {
    if (this.#state === 'active') this.#shell.submit(input)
  }

  /** Answers everything that waits with the error code; the machine and its timers are gone. */
  close(errorCode: number = ErrorCode.NOT_COORDINATOR): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#shell.stop()
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const fail of waiting) fail(errorCode)
  }

  #fail(error: Error): void {
    if (this.#state === 'closed') return
    this.#services.logger.error('group.coordinator-failed', { partition: this.partition.partition, error: messageOf(error) })
    this.close(refusalOf(error))
    this.#failed(this)
  }

  #logGenerations(records: readonly GroupRecord[]): void {
    for (const record of records) {
      if (record.kind !== 'group') continue
      const { group, value } = record
      if (value)
        this.#services.logger.info('group.generation', { group, generation: value.generation, members: value.members.length })
      else this.#services.logger.info('group.deleted', { group })
    }
  }

  /**
   * That nothing has changed for a member is told at once, as it tells nothing of what is not committed: behind a high watermark that stands still members would
   * stay silent, and lose their sessions. Anything else waits.
   */
  #prompt(answer: Answer<number>): Answer<number> {
    return errorCode => {
      if (errorCode === ErrorCode.NONE) answer(errorCode)
      else this.#log.whenAllCommitted(error => (error ? this.#fail(error) : answer(errorCode)))
    }
  }

  /** The machine, with its answers that follow no append held until earlier appends are committed: they may tell of what those changed. */
  #behindCommits(): Machine<GroupInput, GroupRecord> {
    return {
      apply: record => this.#machine.apply(record),
      step: (input, nowMs) => {
        if (input.kind === 'heartbeat') return this.#machine.step({ ...input, answer: this.#prompt(input.answer) }, nowMs)
        const effects = this.#machine.step(input, nowMs)
        const append = effects.find(effect => effect.kind === 'append')
        if (append) {
          this.#logGenerations(append.records)
          return effects
        }
        return effects.map(effect => {
          if (effect.kind !== 'reply') return effect
          const complete = (error?: Error) => (error ? this.#fail(error) : effect.complete())
          return { kind: 'reply', complete: () => this.#log.whenAllCommitted(complete) }
        })
      },
    }
  }
}

/** What clients are told of an append that failed: to come back here, or to look for the coordinator anew. */
function refusalOf(error: Error): number {
  if (!(error instanceof KafkaError)) return ErrorCode.UNKNOWN_SERVER_ERROR
  switch (error.errorCode) {
    case ErrorCode.NOT_LEADER_OR_FOLLOWER:
    case ErrorCode.FENCED_LEADER_EPOCH:
    case ErrorCode.KAFKA_STORAGE_ERROR:
      return ErrorCode.NOT_COORDINATOR
    case ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
    case ErrorCode.NOT_ENOUGH_REPLICAS:
    case ErrorCode.REQUEST_TIMED_OUT:
      return ErrorCode.COORDINATOR_NOT_AVAILABLE
    default:
      return ErrorCode.UNKNOWN_SERVER_ERROR
  }
}
