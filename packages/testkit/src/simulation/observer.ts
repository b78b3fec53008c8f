import { type Leader, leadersOf } from '@millrace/broker/internal'
import { messageOf } from '@millrace/runtime'
import type { SimulatedBroker } from './simulated-broker.ts'

/** What is remembered of a partition over all processes that led it. */
interface Memory {
  highWatermark: number
  logStartOffset: number
  /** Process that had this start. */
  startedBy: number
  /** Process of the last complete reading. */
  readBy: number
  /** Base offset → CRC of each batch that was ever readable. */
  readonly crcs: Map<number, number>
  /** Behind the last of them. */
  nextOffset: number
}

const readBytes = 1 << 20

/** Looks into the broker between events, without asking it anything over the network: what must hold at any time. */
export class Observer {
  readonly #broker: SimulatedBroker
  readonly #fail: (failure: string) => void
  readonly #memories = new Map<string, Memory>()

  constructor(broker: SimulatedBroker, fail: (failure: string) => void) {
    this.#broker = broker
    this.#fail = fail
  }

  /** After each event: offsets are in their order, and none goes back, over restarts too. */
  lookAtOffsets(): void {
    for (const partition of this.#partitions()) {
      const { highWatermark, logStartOffset, logEndOffset } = partition
      const { writtenOffset } = partition.log
      const memory = this.#memory(partition)
      if (logStartOffset > highWatermark || highWatermark > writtenOffset || writtenOffset > logEndOffset)
        this.#broken(
          partition,
          `start ${logStartOffset} ≤ high watermark ${highWatermark} ≤ written ${writtenOffset} ≤ end ${logEndOffset}`,
        )
      if (highWatermark < memory.highWatermark)
        this.#broken(partition, `its high watermark went from ${memory.highWatermark} back to ${highWatermark}`)
      // Only the life of a process: deletions are not synced, so that a crash may bring records back.
      if (logStartOffset < memory.logStartOffset && memory.startedBy === this.#broker.machine.processId)
        this.#broken(partition, `its start went from ${memory.logStartOffset} back to ${logStartOffset}`)
      memory.highWatermark = Math.max(memory.highWatermark, highWatermark)
      memory.logStartOffset = logStartOffset
      memory.startedBy = this.#broker.machine.processId
    }
  }

  /** Now and then: every batch that could once be read has the bytes it had then. A new process is read from the start. */
  lookAtBatches(): void {
    const process = this.#broker.machine.processId
    for (const partition of this.#partitions()) {
      const memory = this.#memory(partition)
      const from = memory.readBy === process ? memory.nextOffset : partition.logStartOffset
      memory.readBy = process
      try {
        this.#read(partition, memory, Math.max(from, partition.logStartOffset))
      } catch (error) {
        if (partition.lostCode === 0 && partition.log.failure === null)
          this.#broken(partition, `cannot be read: ${messageOf(error)}`)
      }
    }
  }

  #read(partition: Leader, memory: Memory, from: number): void {
    let offset = from
    const seen: number[] = []
    while (offset < partition.highWatermark) {
      const batches = partition.read(offset, readBytes)
      if (batches.length === 0) {
        this.#broken(partition, `nothing to read at ${offset}, below the high watermark ${partition.highWatermark}`)
        return
      }
      for (const { baseOffset, nextOffset, crc } of batches) {
        const known = memory.crcs.get(baseOffset)
        if (known === undefined && baseOffset < memory.nextOffset)
          this.#broken(partition, `a batch begins at ${baseOffset}, where none did before`)
        else if (known !== undefined && known !== crc) this.#broken(partition, `the batch at ${baseOffset} has changed`)
        memory.crcs.set(baseOffset, crc)
        seen.push(baseOffset)
        offset = nextOffset
      }
    }
    this.#missing(partition, memory, from, new Set(seen))
    memory.nextOffset = Math.max(memory.nextOffset, offset)
  }

  #missing(partition: Leader, memory: Memory, from: number, seen: ReadonlySet<number>): void {
    if (from >= memory.nextOffset) return
    for (const baseOffset of memory.crcs.keys()) {
      if (baseOffset < from || seen.has(baseOffset)) continue
      this.#broken(partition, `the batch at ${baseOffset} is gone`)
      return
    }
  }

  #partitions(): Iterable<Leader> {
    const broker = this.#broker.current
    return broker === undefined ? [] : leadersOf(broker)
  }

  #memory({ topicId, partition }: Leader): Memory {
    const id = `${topicId}-${partition}`
    let memory = this.#memories.get(id)
    if (!memory) {
      memory = { highWatermark: 0, logStartOffset: 0, startedBy: -1, readBy: -1, crcs: new Map(), nextOffset: 0 }
      this.#memories.set(id, memory)
    }
    return memory
  }

  #broken({ topic, partition }: Leader, what: string): void {
    this.#fail(`invariant of ${topic}-${partition}: ${what}`)
  }
}
