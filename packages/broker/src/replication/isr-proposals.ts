import { AlterPartition, type AlterPartitionRequest, type AlterPartitionResponse, ErrorCode, errorOf } from '@millrace/protocol'
import { type Logger, messageOf, type World } from '@millrace/runtime'
import type { IsrAnswer, IsrProposal } from '../partition/replica-environment.ts'
import type { ControllerClient } from '../services.ts'

/** As Kafka waits between two tries. */
const retryMs = 50
/** With broker epochs of the members. */
const alterPartitionVersion = 3
/** One line each for so many partitions of an answer. */
const maxLogged = 5

type AskedPartition = AlterPartitionRequest['topics'][number]['partitions'][number]

export interface IsrProposalsOptions {
  readonly world: World
  readonly logger: Logger
  readonly nodeId: number
  readonly brokerEpoch: () => number
  readonly controller: ControllerClient
}

/** Takes the in-sync sets that this broker's leaders want to the controller: what comes together in one request, one request at a time. */
export class IsrProposals {
  readonly #options: IsrProposalsOptions
  #waiting = new Map<string, IsrProposal>()
  #isBusy = false
  #isClosed = false

  constructor(options: IsrProposalsOptions) {
    this.#options = options
  }

  add(proposal: IsrProposal): void {
    this.#waiting.set(keyOf(proposal.topicId, proposal.partition), proposal)
    this.#soon(0)
  }

  close(): void {
    this.#isClosed = true
    this.#waiting.clear()
  }

  #soon(delayMs: number): void {
    if (this.#isBusy || this.#isClosed) return
    this.#isBusy = true
    const { clock } = this.#options.world
    if (delayMs > 0) clock.timer(delayMs, () => void this.#send())
    else clock.defer(() => void this.#send())
  }

  async #send(): Promise<void> {
    const sent = new Map([...this.#waiting].filter(([, proposal]) => proposal.isCurrent()))
    this.#waiting = new Map()
    let isRetried = false
    if (sent.size > 0 && !this.#isClosed) {
      const again = await this.#ask(sent)
      isRetried = again.length > 0
      for (const proposal of again) {
        const key = keyOf(proposal.topicId, proposal.partition)
        // What came meanwhile is newer.
        if (!this.#waiting.has(key)) this.#waiting.set(key, proposal)
      }
    }
    this.#isBusy = false
    if (this.#waiting.size > 0) this.#soon(isRetried ? retryMs : 0)
  }

  /** Returns what must be asked again. */
  async #ask(proposals: ReadonlyMap<string, IsrProposal>): Promise<IsrProposal[]> {
    const { controller, nodeId, brokerEpoch, logger } = this.#options
    let response: AlterPartitionResponse
    try {
      const topics = topicsOf(proposals.values())
      response = await controller.request(AlterPartition, alterPartitionVersion, {
        brokerId: nodeId,
        brokerEpoch: brokerEpoch(),
        topics,
      })
    } catch (error) {
      logger.warn('isr.not-altered', { partitions: proposals.size, reason: messageOf(error) })
      return [...proposals.values()]
    }
    if (response.errorCode !== ErrorCode.NONE) {
      logger.warn('isr.not-altered', { partitions: proposals.size, error: errorOf(response.errorCode).code })
      return [...proposals.values()]
    }
    const answers = new Map<string, IsrAnswer>()
    for (const { topicId, partitions } of response.topics)
      for (const answer of partitions) answers.set(keyOf(topicId, answer.partitionIndex), answer)
    const again: IsrProposal[] = []
    let altered = 0
    let refused = 0
    for (const [key, proposal] of proposals) {
      const answer = answers.get(key)
      if (answer?.errorCode === ErrorCode.NONE && altered++ < maxLogged) this.#logAltered(proposal, answer)
      else if (answer !== undefined && answer.errorCode !== ErrorCode.NONE && refused++ < maxLogged)
        this.#logRefused(proposal, answer)
      if (answer === undefined || proposal.answered(answer)) again.push(proposal)
    }
    if (altered > maxLogged) logger.info('isr.altered-others', { partitions: altered - maxLogged })
    if (refused > maxLogged) logger.warn('isr.refused-others', { partitions: refused - maxLogged })
    return again
  }

  #logAltered({ topic, partition }: IsrProposal, { isr }: IsrAnswer): void {
    this.#options.logger.info('isr.altered', { topic, partition, isr: isr.join(',') })
  }

  #logRefused({ topic, partition, isr }: IsrProposal, { errorCode }: IsrAnswer): void {
    const members = isr.map(({ brokerId }) => brokerId).join(',')
    this.#options.logger.warn('isr.refused', { topic, partition, isr: members, error: errorOf(errorCode).code })
  }
}

function keyOf(topicId: string, partition: number): string {
  return `${topicId}/${partition}`
}

function topicsOf(proposals: Iterable<IsrProposal>): AlterPartitionRequest['topics'] {
  const topics = new Map<string, AskedPartition[]>()
  for (const { topicId, partition, leaderEpoch, partitionEpoch, isr, leaderRecoveryState } of proposals) {
    let asked = topics.get(topicId)
    if (asked === undefined) topics.set(topicId, (asked = []))
    asked.push({ partitionIndex: partition, leaderEpoch, partitionEpoch, newIsrWithEpochs: isr, newIsr: [], leaderRecoveryState })
  }
  return [...topics].map(([topicId, partitions]) => ({ topicId, partitions }))
}
