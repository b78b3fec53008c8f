import { ErrorCode, errorOf, InitProducerId } from '@millrace/protocol'
import type { Cluster } from '../cluster.ts'
import { isRetriable } from '../errors.ts'

/** Under what name an idempotent producer's batches are counted (KIP-98). */
export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

const maxEpoch = 2 ** 15 - 1

/** Sequences run from 0 to 2^31 - 1 and start again. */
export function addToSequence(sequence: number, records: number): number {
  return (sequence + records) % 2 ** 31
}

/**
 * The producer's identity: got from the cluster once, its epoch raised here when a partition lost count of its sequences (KIP-360), so that
 * the partition can start again at 0.
 */
export class IdentitySource {
  readonly #cluster: Cluster
  readonly #ready: () => void
  #current: ProducerIdentity | null = null
  #asking = false
  /** Set when the cluster refuses for good. */
  failure: Error | null = null

  /** `ready` is called when an identity has come, or the failure is final. */
  constructor(cluster: Cluster, ready: () => void) {
    this.#cluster = cluster
    this.#ready = ready
  }

  /** The identity for batches from now on; null: not known yet, it is being asked for. */
  current(): ProducerIdentity | null {
    if (this.#current === null && !this.#asking && this.failure === null) void this.#ask()
    return this.#current
  }

  /** The next epoch, or a new id behind the last epoch. */
  bump(): void {
    if (this.#current === null) return
    const { producerId, producerEpoch } = this.#current
    this.#current = producerEpoch < maxEpoch ? { producerId, producerEpoch: producerEpoch + 1 } : null
  }

  /** Forgets the id: the cluster does not accept it any more. */
  reset(): void {
    this.#current = null
  }

  async #ask(): Promise<void> {
    this.#asking = true
    try {
      const { producerId, producerEpoch } = await this.#cluster.retry('InitProducerId', async () => {
        const response = await this.#cluster.requestFirst(InitProducerId, { transactionalId: null, transactionTimeoutMs: 60_000 })
        if (response.errorCode !== ErrorCode.NONE) throw errorOf(response.errorCode)
        return response
      })
      this.#current = { producerId, producerEpoch }
    } catch (error) {
      // Batches have their own time limit: as long as they wait, asking goes on.
      if (!isRetriable(error)) this.failure = error as Error
    } finally {
      this.#asking = false
    }
    this.#ready()
  }
}
