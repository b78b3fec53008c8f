import { controlRecordsIn, insidesOf, type NodeInsides } from '@millrace/broker/internal'
import { type BatchView, batchesIn } from '@millrace/protocol'
import { messageOf } from '@millrace/runtime'
import { type HasChanged, type Replica, replicasOf } from './replica-sight.ts'
import type { SimulatedCluster } from './simulated-cluster.ts'
import type { SimulatedNode } from './simulated-node.ts'

/** What was ever committed of a partition, whoever led it. */
interface Ledger {
  /** The highest high watermark of any leader. */
  committed: number
  /** The newest that any copy was seen in: a leader of an older one is none any more. */
  leaderEpoch: number
  /** Base offset → CRC of each batch that was ever readable. */
  readonly crcs: Map<number, number>
  /** Behind the last of them. */
  nextOffset: number
  /** What lay below the start of every copy that was read. */
  readonly unread: { readonly from: number; readonly to: number }[]
  /** Where the log of each node ended when it was last seen. */
  readonly ends: Map<number, number>
}

/** What could be seen of a copy when it was looked at last. */
interface Look {
  endOffset: number
  writtenOffset: number
  highWatermark: number
  leaderEpoch: number
  lostCode: number
  isr: readonly number[] | null
}

/** What is remembered of one copy. */
interface Memory {
  /** It led when it was last looked at, or was not there: it may have committed something and resigned in one event. */
  mayHaveLed: boolean
  wasBelowMinIsr: boolean
  partitionEpoch: number
  highWatermark: number
  logStartOffset: number
  nextOffset: number
  /** Epoch of the batch before `nextOffset`; -1: it was not read. */
  epoch: number
}

const readBytes = 1 << 20

/** Looks into the nodes between events, without asking them anything over the network: what must hold of every copy of every log at any time. */
export class ReplicaObserver {
  readonly #cluster: SimulatedCluster
  /** `min.insync.replicas` of every topic. */
  readonly #minIsr: number
  readonly #fail: (failure: string) => void
  readonly #ledgers = new Map<string, Ledger>()
  readonly #memories = new WeakMap<object, Memory>()
  readonly #looks = new WeakMap<object, Look>()
  /** The process of each node that was looked at last. */
  readonly #last = new Map<SimulatedNode, { readonly process: number; readonly insides: () => NodeInsides }>()

  constructor(cluster: SimulatedCluster, minIsr: number, fail: (failure: string) => void) {
    this.#cluster = cluster
    this.#minIsr = minIsr
    this.#fail = fail
  }

  /** After each event, at the nodes that it touched: offsets are in their order and never go back; who leads has everything that was ever committed, and commits only what others have. */
  lookAtOffsets(nodes: readonly SimulatedNode[]): void {
    for (const node of nodes) {
      this.#lookBack(node)
      if (!node.isRunning) continue
      for (const replica of replicasOf(node, this.#minIsr, node.insides, this.#hasChanged)) this.#lookAt(replica)
    }
  }

  /** Most events change nothing of most copies. */
  readonly #hasChanged: HasChanged = copy => {
    const { log, highWatermark, leaderEpoch, lostCode } = copy
    const isr = 'inSync' in copy ? copy.inSync.isr : null
    const look = this.#looks.get(copy)
    if (look === undefined) {
      this.#looks.set(copy, {
        endOffset: log.logEndOffset,
        writtenOffset: log.writtenOffset,
        highWatermark,
        leaderEpoch,
        lostCode,
        isr,
      })
      return true
    }
    if (
      look.highWatermark === highWatermark &&
      look.endOffset === log.logEndOffset &&
      look.writtenOffset === log.writtenOffset &&
      look.leaderEpoch === leaderEpoch &&
      look.lostCode === lostCode &&
      look.isr === isr
    )
      return false
    look.highWatermark = highWatermark
    look.endOffset = log.logEndOffset
    look.writtenOffset = log.writtenOffset
    look.leaderEpoch = leaderEpoch
    look.lostCode = lostCode
    look.isr = isr
    return true
  }

  /** A process may have committed something, told it, and died, all in one event. */
  #lookBack(node: SimulatedNode): void {
    const last = this.#last.get(node)
    if (last !== undefined && (!node.isRunning || last.process !== node.machine.processId)) {
      this.#last.delete(node)
      for (const replica of replicasOf(node, this.#minIsr, last.insides())) {
        const ledger = this.#ledger(replica)
        ledger.ends.set(node.plan.id, replica.log.logEndOffset)
        if (this.#memory(replica).mayHaveLed) ledger.committed = Math.max(ledger.committed, replica.highWatermark)
      }
    }
    if (node.isRunning && !this.#last.has(node)) {
      const { world } = node
      this.#last.set(node, { process: node.machine.processId, insides: () => insidesOf(world) })
    }
  }

  #lookAt(replica: Replica): void {
    const { log, leads, highWatermark, isLost } = replica
    const memory = this.#memory(replica)
    const ledger = this.#ledger(replica)
    if (isLost) {
      // It may have committed something, told it, and lost its disk, all in one event.
      if (memory.mayHaveLed) ledger.committed = Math.max(ledger.committed, highWatermark)
      return
    }
    const { logStartOffset, logEndOffset, writtenOffset } = log
    ledger.ends.set(replica.node.plan.id, logEndOffset)
    ledger.leaderEpoch = Math.max(ledger.leaderEpoch, replica.leaderEpoch)
    if (
      highWatermark > writtenOffset ||
      writtenOffset > logEndOffset ||
      (leads && logStartOffset > highWatermark && !replica.isMetadata)
    )
      this.#broken(
        replica,
        `start ${logStartOffset} ≤ high watermark ${highWatermark} ≤ written ${writtenOffset} ≤ end ${logEndOffset}`,
      )
    if (highWatermark < memory.highWatermark)
      this.#broken(replica, `its high watermark went from ${memory.highWatermark} back to ${highWatermark}`)
    if (leads && logStartOffset < memory.logStartOffset)
      this.#broken(replica, `its start went from ${memory.logStartOffset} back to ${logStartOffset}`)
    memory.logStartOffset = logStartOffset
    if (leads || memory.mayHaveLed) this.#lookAtLeader(replica, ledger, memory)
    else if (highWatermark > ledger.committed)
      this.#broken(replica, `a follower's high watermark is ${highWatermark}, and no leader's was above ${ledger.committed}`)
    memory.highWatermark = highWatermark
    memory.mayHaveLed = leads
    memory.wasBelowMinIsr = replica.isBelowMinIsr
    memory.partitionEpoch = replica.partitionEpoch
  }

  #lookAtLeader(replica: Replica, ledger: Ledger, memory: Memory): void {
    const { leads, leaderEpoch, highWatermark, log } = replica
    if (leads && leaderEpoch === ledger.leaderEpoch) {
      if (log.logEndOffset < ledger.committed)
        this.#broken(
          replica,
          `the leader of epoch ${leaderEpoch} ends at ${log.logEndOffset}, and ${ledger.committed} was committed`,
        )
      if (replica.isAlone && highWatermark < ledger.committed)
        this.#broken(replica, `its high watermark went from ${ledger.committed} back to ${highWatermark}`)
    }
    if (highWatermark <= ledger.committed || highWatermark === memory.highWatermark) return
    ledger.committed = highWatermark
    if (!leads) return
    // In one event the set may have grown, and shrunk again.
    const hadAnotherSet = replica.partitionEpoch > memory.partitionEpoch + 1
    if (replica.isBelowMinIsr && memory.wasBelowMinIsr && !hadAnotherSet)
      this.#broken(replica, `its high watermark went to ${highWatermark} with fewer in sync than min.insync.replicas`)
    const { holders, needed } = replica.quorum()
    const missing = holders.filter(id => (ledger.ends.get(id) ?? 0) < highWatermark)
    if (holders.length - missing.length < needed)
      this.#broken(
        replica,
        `its high watermark is ${highWatermark}, but the logs of ${missing} end at ${missing.map(id => ledger.ends.get(id) ?? 0)}`,
      )
  }

  /** Now and then: who is in sync, as the leader knows it, has everything that was ever committed. Ask only when nobody has lost what it had on disk. */
  lookAtInSync(): void {
    for (const node of this.#cluster.nodes) {
      if (!node.isRunning) continue
      for (const replica of replicasOf(node, this.#minIsr)) {
        const ledger = this.#ledger(replica)
        if (!replica.leads || replica.isMetadata || replica.leaderEpoch < ledger.leaderEpoch) continue
        for (const id of replica.quorum().holders) {
          const end = ledger.ends.get(id) ?? 0
          if (end < ledger.committed)
            this.#broken(replica, `${id} is in sync and ends at ${end}, and ${ledger.committed} was committed`)
        }
      }
    }
  }

  /** Now and then: every batch that could once be read has the bytes it had then, in every copy. A new copy is read from the start. */
  lookAtBatches(): void {
    for (const node of this.#cluster.nodes) {
      if (!node.isRunning) continue
      for (const replica of replicasOf(node, this.#minIsr)) {
        const { log, isLost } = replica
        if (isLost) continue
        const memory = this.#memory(replica)
        try {
          this.#read(replica, memory, Math.max(memory.nextOffset, log.logStartOffset))
        } catch (error) {
          if (log.failure === null && node.isRunning) this.#broken(replica, `cannot be read: ${messageOf(error)}`)
        }
      }
    }
  }

  #read(replica: Replica, memory: Memory, from: number): void {
    const { log, highWatermark } = replica
    const ledger = this.#ledger(replica)
    let offset = from
    if (from > ledger.nextOffset && from < highWatermark) {
      ledger.unread.push({ from: ledger.nextOffset, to: from })
      ledger.nextOffset = from
    }
    let epoch = from === memory.nextOffset ? memory.epoch : -1
    const seen = new Set<number>()
    while (offset < highWatermark) {
      const batches = readBatches(replica, offset)
      if (batches.length === 0) {
        this.#broken(replica, `nothing to read at ${offset}, below the high watermark ${highWatermark}`)
        return
      }
      for (const batch of batches) {
        const { baseOffset, nextOffset, crc, partitionLeaderEpoch } = batch
        if (replica.isMetadata && epoch >= 0 && partitionLeaderEpoch !== epoch) this.#lookAtEpochStart(replica, batch, epoch)
        epoch = partitionLeaderEpoch
        const known = ledger.crcs.get(baseOffset)
        const isOld =
          baseOffset < ledger.nextOffset && !ledger.unread.some(({ from, to }) => baseOffset >= from && baseOffset < to)
        if (known === undefined && isOld) this.#broken(replica, `a batch begins at ${baseOffset}, where none did before`)
        else if (known !== undefined && known !== crc) this.#broken(replica, `the batch at ${baseOffset} has changed`)
        ledger.crcs.set(baseOffset, crc)
        seen.add(baseOffset)
        offset = nextOffset
      }
    }
    this.#lookForGaps(replica, ledger, { from: Math.max(from, log.logStartOffset), to: offset, seen })
    if (offset > from) ledger.nextOffset = Math.max(ledger.nextOffset, offset)
    memory.nextOffset = offset
    memory.epoch = epoch
  }

  /** The first thing that a leader of the quorum writes says that it leads; epochs grow along the log. */
  #lookAtEpochStart(replica: Replica, batch: BatchView, before: number): void {
    const { baseOffset, partitionLeaderEpoch } = batch
    if (partitionLeaderEpoch < before)
      this.#broken(replica, `epoch ${partitionLeaderEpoch} at ${baseOffset} follows epoch ${before}`)
    else if (!batch.isControl || controlRecordsIn(batch)[0]?.type !== 'LeaderChange')
      this.#broken(replica, `epoch ${partitionLeaderEpoch} begins at ${baseOffset} without a LeaderChange record`)
  }

  #lookForGaps(
    replica: Replica,
    ledger: Ledger,
    { from, to, seen }: { readonly from: number; readonly to: number; readonly seen: ReadonlySet<number> },
  ): void {
    if (from >= ledger.nextOffset) return
    for (const baseOffset of ledger.crcs.keys()) {
      if (baseOffset < from || baseOffset >= to || seen.has(baseOffset)) continue
      this.#broken(replica, `the batch at ${baseOffset} is gone`)
      return
    }
  }

  #memory({ incarnation }: Replica): Memory {
    let memory = this.#memories.get(incarnation)
    if (!memory)
      this.#memories.set(
        incarnation,
        (memory = {
          mayHaveLed: true,
          wasBelowMinIsr: false,
          partitionEpoch: -1,
          highWatermark: 0,
          logStartOffset: 0,
          nextOffset: 0,
          epoch: -1,
        }),
      )
    return memory
  }

  #ledger({ key }: Replica): Ledger {
    let ledger = this.#ledgers.get(key)
    if (!ledger)
      this.#ledgers.set(
        key,
        (ledger = { committed: 0, leaderEpoch: -1, crcs: new Map(), nextOffset: 0, unread: [], ends: new Map() }),
      )
    return ledger
  }

  #broken({ name, node }: Replica, what: string): void {
    this.#fail(`invariant of ${name} on ${node.plan.host}: ${what}`)
  }
}

function readBatches({ log, highWatermark }: Replica, offset: number): BatchView[] {
  const { chunks } = log.read(offset, { maxBytes: readBytes, atLeastOne: true, endOffset: highWatermark })
  return chunks.flatMap(chunk => [...batchesIn(chunk)])
}
