import { AllocateProducerIds, ErrorCode, errorOf, KafkaError } from '@millrace/protocol'
import type { ControllerClient, MetadataView } from './services.ts'

/** Hands out producer ids from blocks that the controller allocates; a block is used up or lost with the process, never used twice. */
export class ProducerIds {
  readonly #nodeId: number
  readonly #metadata: MetadataView
  readonly #controller: ControllerClient
  #next = 0
  #end = 0
  #allocation: Promise<void> | null = null

  constructor(options: { nodeId: number; metadata: MetadataView; controller: ControllerClient }) {
    this.#nodeId = options.nodeId
    this.#metadata = options.metadata
    this.#controller = options.controller
  }

  /** Throws (rejects) a KafkaError when the controller gives no block. */
  async next(): Promise<number> {
    while (this.#next >= this.#end) {
      this.#allocation ??= this.#allocate().finally(() => {
        this.#allocation = null
      })
      await this.#allocation
    }
    return this.#next++
  }

  async #allocate(): Promise<void> {
    let brokerEpoch = -1
    for (const broker of this.#metadata.brokers()) if (broker.id === this.#nodeId) brokerEpoch = broker.epoch
    const response = await this.#controller.request(AllocateProducerIds, 0, { brokerId: this.#nodeId, brokerEpoch })
    if (response.errorCode !== ErrorCode.NONE) throw errorOf(response.errorCode)
    if (response.producerIdLen <= 0)
      throw new KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, 'the controller gave an empty block of producer ids')
    this.#next = response.producerIdStart
    this.#end = response.producerIdStart + response.producerIdLen
  }
}
