import type { CompressionCodec } from '@millrace/protocol'
import type { Packer } from './packer.ts'
import type { PartitionLoad } from './partitioner.ts'
import type { ProducerBatch } from './producer-batch.ts'
import type { ProducerIdentity } from './sequence.ts'

/** What a partition must do with its numbers before it sends again. */
export type Renumbering =
  /** Nothing. */
  | { readonly kind: 'none' }
  /** A batch was refused and surely not written: those behind it take its numbers. */
  | { readonly kind: 'reuse'; readonly from: number }
  /** What the broker has is not known: start at 0 under the next epoch, when all that may be written has been asked for under its old number. */
  | { readonly kind: 'restart' }

/** The topic as its queues know it. */
export interface QueueTopic {
  readonly name: string
  readonly compression: CompressionCodec
  /** Compresses what the builder does not. */
  readonly packer: Packer | null
}

/**
 * A partition's batches in their order: the open one that takes records, those that wait, those on the wire. After a failure nothing is sent until
 * everything on the wire has come back; then what must go again goes first, in the order of its sequence numbers (KIP-98's order through retries).
 */
export class PartitionQueue implements PartitionLoad {
  readonly topic: QueueTopic
  readonly index: number
  /** Takes records. */
  open: ProducerBatch | null = null
  /** Sealed, oldest first. */
  readonly waiting: ProducerBatch[] = []
  /** In the order they were sent. */
  readonly inFlight: ProducerBatch[] = []
  /** Came back and go again when `inFlight` is empty. */
  readonly returned: ProducerBatch[] = []
  isRecovering = false
  renumbering: Renumbering = { kind: 'none' }
  /** Identity under which `nextSequence` counts. */
  identity: ProducerIdentity | null = null
  nextSequence = 0
  /**
   * The broker counts this identity's batches. Before its first one it takes any number, so that a second batch on the wire could get ahead of
   * the first when that one is refused.
   */
  isCounted = false
  /** Failures in a row. */
  failures = 0
  /** Monotonic; nothing is sent before, unless there is a new leader. */
  retryAtMs = 0
  /** Leader epoch, as known when a batch was last sent; -1: not known. */
  sentToEpoch = -1
  /** Who was sent a batch last. */
  sentToNode = -1
  lastError: Error | undefined
  hasLeader = true
  /** Of the last batch: what the next one allocates at first. */
  typicalBytes = 0

  constructor(topic: QueueTopic, index: number) {
    this.topic = topic
    this.index = index
  }

  get queuedBatches(): number {
    return this.waiting.length
  }

  get isIdle(): boolean {
    return this.open === null && this.waiting.length === 0 && this.inFlight.length === 0
  }

  /** Closes the open batch to further records. */
  seal(): void {
    if (this.open === null) return
    this.typicalBytes = this.open.sizeInBytes
    this.waiting.push(this.open)
    this.topic.packer?.start(this.open)
    this.open = null
  }

  /** Whether something could be sent, back-off and numbering aside. */
  hasReady(): boolean {
    if (!this.#maySend()) return false
    const next = this.waiting[0]
    return next ? !next.isPacking : this.open?.isReady === true
  }

  /** What is on the wire is with another broker: behind it nothing may go to this one, which could get ahead. */
  mustWaitFor(nodeId: number): boolean {
    return this.inFlight.length > 0 && this.sentToNode !== nodeId
  }

  /** The batch to send next; it stays where it is until `sent`. */
  peek(): ProducerBatch | null {
    if (!this.#maySend()) return null
    if (this.waiting.length === 0 && this.open?.isReady) this.seal()
    const next = this.waiting[0]
    return next === undefined || next.isPacking ? null : next
  }

  /** Moves the first batch to the wire and gives its bytes. */
  send(batch: ProducerBatch): Uint8Array {
    this.waiting.shift()
    this.inFlight.push(batch)
    batch.attempts++
    batch.isMissing = false
    return batch.finish()
  }

  /**
   * Numbers the batch if that is due. False: it has to wait for what is on the wire, which has an older identity, is not counted yet, or was sent again:
   * a broker knows the last five batches, and more than those must not come behind one that may be written (Kafka's client sends again one by one).
   */
  number(batch: ProducerBatch, current: ProducerIdentity): boolean {
    if (this.inFlight.length > 0 && !this.isCounted) return false
    if (batch.baseSequence >= 0) return true
    if (this.inFlight.some(({ attempts }) => attempts > 1)) return false
    if (this.identity !== current) {
      if (this.inFlight.length > 0) return false
      this.identity = current
      this.nextSequence = 0
      this.isCounted = false
    }
    batch.number(current, this.nextSequence)
    this.nextSequence = batch.nextSequence
    return true
  }

  /** Takes the batch off the wire. True: all that was sent before it has been settled for good. */
  arrived(batch: ProducerBatch): boolean {
    const place = this.inFlight.indexOf(batch)
    if (place >= 0) this.inFlight.splice(place, 1)
    return place === 0 && this.returned.length === 0 && this.renumbering.kind === 'none'
  }

  /** The broker has written a batch: from now on it knows which number comes next. */
  wasWritten(batch: ProducerBatch): void {
    this.failures = 0
    this.lastError = undefined
    if (batch.identity === this.identity) this.isCounted = true
  }

  /** Sends the batch again, when all on the wire has come back. */
  giveBack(batch: ProducerBatch): void {
    this.returned.push(batch)
    this.isRecovering = true
  }

  /** Drops a batch that is not on the wire. */
  remove(batch: ProducerBatch): void {
    if (this.open === batch) this.open = null
    for (const list of [this.waiting, this.returned]) {
      const place = list.indexOf(batch)
      if (place >= 0) list.splice(place, 1)
    }
  }

  /** Asks for new numbers; a restart is never weakened to a reuse. */
  renumber(renumbering: Renumbering): void {
    this.isRecovering = true
    if (this.renumbering.kind === 'restart') return
    // Of several refused batches the first one's numbers are the ones that are free.
    if (this.renumbering.kind === 'none' || renumbering.kind === 'restart') this.renumbering = renumbering
  }

  /**
   * When nothing is on the wire any more: puts what came back in front, renumbered if need be. What may be written keeps its number until the broker
   * has said: under another one it would be written twice (as in Kafka, which resolves sequences first). Returns whether sending may go on.
   */
  recover(bumpEpoch: () => void): boolean {
    const { renumbering } = this
    if (!this.isRecovering && renumbering.kind === 'none') return true
    if (this.inFlight.length > 0) return !this.isRecovering
    this.isRecovering = false
    this.waiting.unshift(...this.returned.splice(0).sort((a, b) => a.ordinal - b.ordinal))
    if (renumbering.kind === 'none' || (renumbering.kind === 'restart' && this.#hasUnresolved())) return true
    this.renumbering = { kind: 'none' }
    for (const batch of this.waiting) batch.baseSequence = -1
    if (renumbering.kind === 'reuse') this.nextSequence = renumbering.from
    else bumpEpoch()
    return true
  }

  /** Before a restart only what has to be asked for under its old number goes, and what was sent before it. */
  #maySend(): boolean {
    return !this.isRecovering && (this.renumbering.kind === 'none' || this.#hasUnresolved())
  }

  /** Numbered batches stand in front. */
  #hasUnresolved(): boolean {
    for (const batch of this.waiting) {
      if (batch.baseSequence < 0) return false
      if (batch.isUnresolved) return true
    }
    return false
  }
}
