import { BatchBuilder, batchesIn } from '@millrace/protocol'
import type { SeededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import type { Leader } from '../partition/leader.ts'
import type { PartitionLog } from '../partition/partition-log.ts'
import { ReplicaCluster } from './testing/replica-cluster.ts'

const seeds = Number(process.env['REPLICA_SEEDS'] ?? 12)
const firstSeed = Number(process.env['REPLICA_SEED'] ?? 1)
const safetyMs = 20_000
const partitionCount = 2
const nodeCount = 4

/** Base offset and CRC of every batch, in order. */
function batchesOf(log: PartitionLog, from: number, to: number): { baseOffset: number; nextOffset: number; crc: number }[] {
  const found: { baseOffset: number; nextOffset: number; crc: number }[] = []
  for (let at = Math.max(from, log.logStartOffset); at < to; ) {
    const { chunks } = log.read(at, { maxBytes: 1 << 20, endOffset: to, atLeastOne: true })
    for (const chunk of chunks)
      for (const { baseOffset, nextOffset, crc } of batchesIn(chunk)) {
        found.push({ baseOffset, nextOffset, crc })
        at = nextOffset
      }
    if (chunks.length === 0) throw new Error(`nothing to read at ${at} of ${to}`)
  }
  return found
}

/** Whatever lay below a high watermark that a leader showed must be in every later leader's log. */
class Shown {
  readonly #crcs: Map<number, number>[] = []
  readonly #ends: number[] = []
  readonly #seen = new WeakMap<Leader, { epoch: number; upTo: number }>()

  look(leader: Leader): void {
    const { partition, log } = leader
    const crcs = (this.#crcs[partition] ??= new Map())
    const known = this.#seen.get(leader)
    const end = this.#ends[partition] ?? 0
    if (known?.epoch !== leader.leaderEpoch) {
      if (log.logEndOffset < end)
        throw new Error(`leader of epoch ${leader.leaderEpoch} ends at ${log.logEndOffset}, shown was ${end}`)
      this.#check(crcs, log, 0, end)
    }
    const from = known?.epoch === leader.leaderEpoch ? known.upTo : end
    if (leader.highWatermark > from) {
      this.#check(crcs, log, Math.min(from, end), leader.highWatermark)
      this.#ends[partition] = Math.max(end, leader.highWatermark)
    }
    this.#seen.set(leader, { epoch: leader.leaderEpoch, upTo: leader.highWatermark })
  }

  #check(crcs: Map<number, number>, log: PartitionLog, from: number, to: number): void {
    for (const { baseOffset, crc } of batchesOf(log, from, to)) {
      const before = crcs.get(baseOffset)
      if (before !== undefined && before !== crc) throw new Error(`the batch at ${baseOffset} has changed`)
      crcs.set(baseOffset, crc)
    }
  }

  end(partition: number): number {
    return this.#ends[partition] ?? 0
  }
}

function batchOf(producerId: number, sequence: number, text: string): Uint8Array {
  const builder = new BatchBuilder({ maxBytes: 1 << 16, producerId, producerEpoch: 0, baseSequence: sequence })
  for (let i = 0; i < 2; i++) builder.append(1000, null, text)
  return builder.build()
}

/** An idempotent producer of one partition with one batch in flight: sends again until it is told that all have it. */
class TestProducer {
  readonly acknowledged: { offset: number; text: string }[] = []
  readonly #cluster: ReplicaCluster
  readonly #partition: number
  readonly #random: SeededRandom
  #sequence = 0
  isStopped = false
  isIdle = false

  constructor(cluster: ReplicaCluster, partition: number) {
    this.#cluster = cluster
    this.#partition = partition
    this.#random = cluster.universe.random.fork(`producer/${partition}`)
    this.#next()
  }

  #next(): void {
    this.isIdle = this.isStopped
    if (!this.isStopped) this.#cluster.universe.scheduler.after(this.#random.exponential(15), () => this.#send(this.#sequence))
  }

  #send(sequence: number): void {
    const again = () => this.#cluster.universe.scheduler.after(50, () => this.#send(sequence))
    const leader = this.#cluster.leader(this.#partition)
    if (leader === null) {
      again()
      return
    }
    const text = `${this.#partition}/${sequence}/${'x'.repeat(this.#random.below(300))}`
    const outcome = leader.append(batchOf(7, sequence, text), { acks: -1, apiVersion: 12 })
    if (outcome.errorCode !== 0) {
      again()
      return
    }
    let isOver = false
    const late = this.#cluster.universe.scheduler.after(1000, () => {
      isOver = true
      again()
    })
    leader.whenReplicated(outcome.nextOffset, code => {
      if (isOver) return
      isOver = true
      late.cancel()
      if (code !== 0) {
        again()
        return
      }
      this.acknowledged.push({ offset: outcome.baseOffset, text: `${this.#partition}/${sequence}` })
      this.#sequence = sequence + 2
      this.#next()
    })
  }
}

class Chaos {
  readonly #cluster: ReplicaCluster
  readonly #random: SeededRandom
  isStopped = false
  readonly events: string[] = []

  constructor(cluster: ReplicaCluster) {
    this.#cluster = cluster
    this.#random = cluster.universe.random.fork('chaos')
    this.#next()
  }

  #next(): void {
    this.#cluster.universe.scheduler.after(this.#random.exponential(300), () => {
      if (this.isStopped) return
      this.#strike()
      this.#next()
    })
  }

  #strike(): void {
    const { controller, cuts } = this.#cluster
    const scheduler = this.#cluster.universe.scheduler
    const id = this.#random.between(1, nodeCount)
    const other = 1 + ((id + this.#random.below(nodeCount - 1)) % nodeCount)
    const partition = this.#random.below(partitionCount)
    const kind = this.#random.pick([
      'move',
      'move',
      'kill',
      'power',
      'cut',
      'cut',
      'isolate',
      'deaf',
      'loss',
      'fence',
      'delete',
      'pause',
    ])
    this.events.push(`${Math.round(this.#cluster.nowMs)} ${kind} ${id}`)
    const afterwards = (run: () => void) => scheduler.after(this.#random.exponential(1500), run)
    if (kind === 'move') controller.moveLeader(partition, candidates => this.#random.pick(candidates))
    else if (kind === 'reassign') {
      const without = this.#random.between(1, nodeCount)
      controller.reassign(
        partition,
        Array.from({ length: nodeCount }, (_, i) => i + 1).filter(each => each !== without),
      )
    } else if (kind === 'kill' || kind === 'power') this.#crash(id, kind === 'power')
    else if (kind === 'cut') this.#cut([`${id}>${other}`])
    else if (kind === 'isolate') this.#cut([`${id}>${other}`, `${other}>${id}`, `${id}>0`, `0>${id}`])
    else if (kind === 'deaf') this.#cut([`0>${id}`])
    else if (kind === 'pause') this.#cluster.machine(id).pause(this.#random.exponential(1000))
    else if (kind === 'loss') {
      this.#cluster.loss = 0.3
      afterwards(() => {
        this.#cluster.loss = 0
      })
    } else if (kind === 'fence' && this.#cluster.isRunning(id)) {
      controller.fence(id)
      afterwards(() => {
        if (this.#cluster.isRunning(id)) controller.unfence(id)
      })
    } else if (kind === 'delete') {
      const leader = this.#cluster.leader(partition)
      leader?.deleteRecordsBefore(this.#random.between(leader.logStartOffset, leader.highWatermark))
    }
    void cuts
  }

  #cut(pairs: string[]): void {
    for (const pair of pairs) this.#cluster.cuts.add(pair)
    this.#cluster.universe.scheduler.after(this.#random.exponential(2000), () => {
      for (const pair of pairs) this.#cluster.cuts.delete(pair)
    })
  }

  /** Power fails only where the others have everything: what two lose at once no replication brings back. */
  #crash(id: number, losesPower: boolean): void {
    if (!this.#cluster.isRunning(id)) return
    const { controller } = this.#cluster
    const isNeeded = Array.from({ length: partitionCount }, (_, partition) => controller.partition(partition)).some(
      ({ isr }) => isr.includes(id) && isr.filter(other => other !== id && this.#cluster.isRunning(other)).length === 0,
    )
    if (losesPower && isNeeded) return
    if (losesPower) this.#cluster.losePower(id)
    else this.#cluster.kill(id)
    // At once: the next failure may take one of the others.
    if (losesPower) controller.fence(id)
    const { scheduler } = this.#cluster.universe
    // The controller learns of it by silence, or by the next process.
    scheduler.after(this.#random.exponential(800), () => {
      if (!this.#cluster.isRunning(id)) controller.fence(id)
    })
    const restart = () => {
      if (this.#cluster.isRunning(id)) return
      this.#cluster.start(id, !losesPower)
    }
    scheduler.after(this.#random.exponential(1500), restart)
  }

  end(): void {
    this.isStopped = true
    this.#cluster.cuts.clear()
    this.#cluster.loss = 0
  }
}

describe('three replicas among failures', () => {
  test.each(Array.from({ length: seeds }, (_, i) => firstSeed + i))(
    'seed %i: nothing shown is lost, and all logs end the same',
    async seed => {
      const cluster = new ReplicaCluster({
        seed,
        minIsr: 2,
        properties: { 'replica.lag.time.max.ms': '1500', 'replica.fetch.backoff.ms': '200', 'replica.socket.timeout.ms': '1000' },
      })
      for (let i = 0; i < partitionCount; i++)
        cluster.controller.createPartition([1 + (i % 3), 1 + ((i + 1) % 3), 1 + ((i + 2) % 3)])
      await cluster.run(20)
      const shown = new Shown()
      const chaos = new Chaos(cluster)
      const producers = Array.from({ length: partitionCount }, (_, i) => new TestProducer(cluster, i))
      const look = () => {
        for (const node of cluster.nodes.values())
          for (const leader of node.partitions.leaders()) if (leader.lostCode === 0) shown.look(leader)
      }
      try {
        await cluster.run(safetyMs, undefined, look)
        chaos.end()
        for (const producer of producers) producer.isStopped = true
        const isWhole = () =>
          producers.every(producer => producer.isIdle) && producers.every((_, i) => isInSync(cluster, i) && isEqual(cluster, i))
        expect(await cluster.run(30_000, isWhole, look)).toBe(true)
        for (const [i, { acknowledged }] of producers.entries()) {
          expect(acknowledged.length).toBeGreaterThan(0)
          const { log } = cluster.leader(i)!
          const held = new Map<number, string>()
          for (let at = log.logStartOffset; at < log.logEndOffset; ) {
            const { chunks } = log.read(at, { maxBytes: 1 << 20, endOffset: log.logEndOffset, atLeastOne: true })
            for (const batch of chunks.flatMap(chunk => [...batchesIn(chunk)])) {
              const cursor = batch.records()
              if (cursor.next()) held.set(batch.baseOffset, Buffer.from(cursor.value()!).toString().split('/x')[0]!)
              at = batch.nextOffset
            }
          }
          const expected = acknowledged.filter(({ offset }) => offset >= log.logStartOffset)
          expect(expected.filter(({ offset, text }) => held.get(offset)?.replace(/\/$/, '') !== text)).toEqual([])
          // Idempotent: as many batches as were acknowledged, none twice.
          expect(new Set(held.values()).size).toBe(held.size)
        }
      } catch (error) {
        ;(error as Error).message += `\nseed ${seed} at ${cluster.nowMs}: ${chaos.events.slice(-25).join(', ')}`
        throw error
      }
    },
  )
})

function isInSync(cluster: ReplicaCluster, partition: number): boolean {
  const { isr, replicas } = cluster.controller.partition(partition)
  return replicas.length === 3 && isr.length === 3
}

function isEqual(cluster: ReplicaCluster, partition: number): boolean {
  const leader = cluster.leader(partition)
  if (leader === null || leader.highWatermark !== leader.logEndOffset) return false
  const { replicas } = cluster.controller.partition(partition)
  const slots = replicas.map(id => cluster.nodes.get(id)?.partitions.replica('t', partition) ?? 0)
  // Where a log starts is checkpointed now and then: a leader that was killed may have it back further.
  const from = Math.max(...slots.map(slot => (typeof slot === 'number' ? 0 : slot.logStartOffset)))
  const expected = JSON.stringify(batchesOf(leader.log, from, leader.logEndOffset))
  for (const [id, node] of cluster.nodes) if (!replicas.includes(id) && node.logs.log('t', partition) !== undefined) return false
  return slots.every(slot => {
    if (typeof slot === 'number' || slot.highWatermark !== leader.highWatermark || slot.logEndOffset !== leader.logEndOffset)
      return false
    return JSON.stringify(batchesOf(slot.log, from, slot.logEndOffset)) === expected
  })
}
