import { type Draft, ErrorCode, errorOf, Produce, type ProduceRequest, type ProduceResponse } from '@millrace/protocol'
import type { Timer } from '@millrace/runtime'
import type { AppendOutcome } from '../partition/append-outcome.ts'
import type { Leader } from '../partition/leader.ts'
import type { Partitions } from '../partition/partitions.ts'
import type { BrokerServices } from '../services.ts'
import type { ApiHandler, Mutable, RequestContext } from './handler.ts'
import { LeaderHints } from './leader-hints.ts'

type PartitionAnswer = Mutable<Draft<ProduceResponse['responses'][number]['partitionResponses'][number]>>
type TopicAnswer = { name: string; topicId: string; partitionResponses: PartitionAnswer[] }

const topicIdsSince = 13
const leaderHintsSince = 10
/** Topics that only coordinators write, unless an admin tool says who it is. */
const internalTopics = new Set(['__consumer_offsets', '__transaction_state', '__share_group_state'])
const adminClientId = '__admin_client'

/** Appends one batch to each partition; with acks=all answers when the high watermark covers them. */
export function produceHandler(partitions: Partitions): ApiHandler<ProduceRequest, Draft<ProduceResponse>> {
  return {
    api: Produce,
    versions: { min: 3, max: 13 },
    pipelined: true,
    handle: (request, context, broker) => new ProduceTask(request, context, broker, partitions).run(),
  }
}

class ProduceTask {
  readonly #request: ProduceRequest
  readonly #context: RequestContext
  readonly #broker: BrokerServices
  readonly #partitions: Partitions
  readonly #hints: LeaderHints
  readonly #topics: TopicAnswer[] = []
  #failed = false
  /** Partitions that were appended and wait: for the leader's file with acks=1, for the high watermark with acks=all. */
  readonly #uncommitted = new Set<PartitionAnswer>()
  #done: ((response: Draft<ProduceResponse> | null) => void) | null = null
  #timer: Timer | null = null

  constructor(request: ProduceRequest, context: RequestContext, broker: BrokerServices, partitions: Partitions) {
    this.#request = request
    this.#context = context
    this.#broker = broker
    this.#partitions = partitions
    this.#hints = new LeaderHints(broker, context.listenerName)
  }

  run(): Draft<ProduceResponse> | null | Promise<Draft<ProduceResponse> | null> {
    for (const topic of this.#request.topicData) {
      const answers: PartitionAnswer[] = []
      const name = this.#nameOf(topic)
      this.#topics.push({ name: topic.name, topicId: topic.topicId, partitionResponses: answers })
      for (const { index, records } of topic.partitionData) answers.push(this.#produce(name, index, records))
    }
    if (this.#request.acks === 0) {
      if (this.#failed) this.#refuseSilently()
      return null
    }
    if (this.#uncommitted.size === 0) return this.#response()
    return new Promise(resolve => {
      this.#done = resolve
      this.#timer = this.#broker.world.clock.timer(Math.max(0, this.#request.timeoutMs), () => this.#timeOut())
    })
  }

  /** Null: an id that the metadata does not have. */
  #nameOf(topic: ProduceRequest['topicData'][number]): string | null {
    if (this.#context.apiVersion < topicIdsSince) return topic.name
    return this.#broker.metadata.topicById(topic.topicId)?.name ?? null
  }

  #produce(topic: string | null, index: number, records: Uint8Array | null): PartitionAnswer {
    const { acks } = this.#request
    if (acks !== 0 && acks !== 1 && acks !== -1) return this.#refuse(index, ErrorCode.INVALID_REQUIRED_ACKS)
    if (topic === null) return this.#refuse(index, ErrorCode.UNKNOWN_TOPIC_ID)
    if (internalTopics.has(topic) && this.#context.clientId !== adminClientId)
      return this.#refuse(index, ErrorCode.INVALID_TOPIC_EXCEPTION, `Cannot append to internal topic ${topic}`)
    const leader = this.#partitions.leader(topic, index)
    if (typeof leader === 'number') return this.#refuse(index, leader, undefined, topic)
    return this.#append(leader, index, records)
  }

  #append(leader: Leader, index: number, records: Uint8Array | null): PartitionAnswer {
    const outcome = leader.append(records, { acks: this.#request.acks, apiVersion: this.#context.apiVersion })
    if (outcome.errorCode !== ErrorCode.NONE) return this.#refuseAppend(leader.topic, index, outcome)
    const answer: PartitionAnswer = {
      index,
      baseOffset: outcome.baseOffset,
      logAppendTimeMs: outcome.logAppendTimeMs,
      logStartOffset: outcome.logStartOffset,
    }
    if (this.#request.acks === 0) return answer
    this.#uncommitted.add(answer)
    const committed = (errorCode: number) => this.#committed(leader.topic, answer, errorCode)
    if (this.#request.acks === -1) leader.whenReplicated(outcome.nextOffset, committed)
    else leader.whenWritten(outcome.nextOffset, committed)
    return answer
  }

  #refuseAppend(topic: string, index: number, outcome: AppendOutcome): PartitionAnswer {
    const answer = this.#refuse(index, outcome.errorCode, outcome.errorMessage, topic)
    answer.logStartOffset = outcome.logStartOffset
    if (outcome.recordErrors) answer.recordErrors = outcome.recordErrors
    return answer
  }

  #refuse(index: number, errorCode: number, errorMessage?: string | null, topic?: string): PartitionAnswer {
    this.#failed = true
    const answer: PartitionAnswer = { index, errorCode, baseOffset: -1, errorMessage: errorMessage ?? null }
    if (topic !== undefined) this.#hint(topic, answer)
    return answer
  }

  #hint(topic: string, answer: PartitionAnswer): void {
    if (answer.errorCode !== ErrorCode.NOT_LEADER_OR_FOLLOWER || this.#context.apiVersion < leaderHintsSince) return
    const leader = this.#hints.of(topic, answer.index!)
    // The metadata here may be behind: this broker knows that it is not the leader.
    if (leader && leader.leaderId !== this.#broker.nodeId) answer.currentLeader = leader
  }

  #committed(topic: string, answer: PartitionAnswer, errorCode: number): void {
    if (!this.#uncommitted.delete(answer)) return
    if (errorCode !== ErrorCode.NONE) {
      this.#failed = true
      answer.errorCode = errorCode
      answer.baseOffset = -1
      this.#hint(topic, answer)
    }
    if (this.#uncommitted.size === 0 && this.#done) this.#finish()
  }

  #timeOut(): void {
    this.#failed = true
    for (const answer of this.#uncommitted) {
      answer.errorCode = ErrorCode.REQUEST_TIMED_OUT
      answer.baseOffset = -1
    }
    this.#uncommitted.clear()
    this.#finish()
  }

  #finish(): void {
    this.#timer?.cancel()
    this.#done!(this.#response())
  }

  /** Only after a failure: answers without one are not looked through. */
  #countErrors(): void {
    const { metrics } = this.#broker
    for (const { partitionResponses } of this.#topics)
      for (const { errorCode = ErrorCode.NONE } of partitionResponses)
        if (errorCode !== ErrorCode.NONE) metrics.partitionFailed(Produce, errorCode)
  }

  #response(): Draft<ProduceResponse> {
    if (this.#failed) this.#countErrors()
    return { responses: this.#topics, nodeEndpoints: this.#hints.endpoints }
  }

  /** With acks=0 there is no answer that could say so: the closed connection tells the producer to look again. */
  #refuseSilently(): void {
    this.#countErrors()
    const codes = new Set(this.#topics.flatMap(topic => topic.partitionResponses.map(({ errorCode }) => errorCode ?? 0)))
    codes.delete(ErrorCode.NONE)
    const { connection } = this.#context
    this.#broker.logger.warn('produce.refused-without-acks', {
      client: `${connection.clientHost}:${connection.clientPort}`,
      errors: [...codes].map(code => errorOf(code).code).join(','),
    })
    this.#context.closeAfterwards()
  }
}
