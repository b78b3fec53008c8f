import { BatchBuilder } from '@millrace/protocol'
import { expect, it } from 'vitest'
import { PartitionQueue } from './partition-queue.ts'
import { ProducerBatch } from './producer-batch.ts'

it('a queue with batches on the wire to one broker sends nothing to another one before they are back', () => {
  const queue = new PartitionQueue({ name: 't', compression: 'none', packer: null }, 0)
  expect(queue.mustWaitFor(1)).toBe(false)
  queue.sentToNode = 1
  queue.inFlight.push({} as ProducerBatch)
  expect([queue.mustWaitFor(1), queue.mustWaitFor(2)]).toEqual([false, true])
  queue.inFlight.length = 0
  expect(queue.mustWaitFor(2)).toBe(false)
})

const first = { producerId: 7, producerEpoch: 0 }

function queueOf(count: number): { queue: PartitionQueue; batches: ProducerBatch[] } {
  const queue = new PartitionQueue({ name: 't', compression: 'none', packer: null }, 0)
  const batches = Array.from({ length: count }, (_, ordinal) => {
    const batch = new ProducerBatch(queue, new BatchBuilder({ maxBytes: 1024 }), 0, ordinal)
    batch.append(0, null, 'x', undefined)
    return batch
  })
  queue.waiting.push(...batches)
  queue.isCounted = true
  queue.identity = first
  return { queue, batches }
}

it('a queue sends nothing new while a batch is out again: its broker could forget that it has it', () => {
  const { queue, batches } = queueOf(2)
  const [again, fresh] = batches as [ProducerBatch, ProducerBatch]
  expect(queue.number(again, first)).toBe(true)
  queue.send(again)
  queue.arrived(again)
  queue.giveBack(again)
  queue.recover(() => {})
  expect(queue.number(again, first)).toBe(true)
  queue.send(again)
  expect([queue.peek() === fresh, queue.number(fresh, first)]).toEqual([true, false])
  queue.arrived(again)
  queue.wasWritten(again)
  expect(queue.number(fresh, first)).toBe(true)
})

it('a queue that begins a new count first asks under the old numbers for what may be written', () => {
  const { queue, batches } = queueOf(3)
  const [given, unanswered, fresh] = batches as [ProducerBatch, ProducerBatch, ProducerBatch]
  const next = { producerId: 7, producerEpoch: 1 }
  let identity = first
  const bump = () => {
    identity = next
  }
  for (const batch of [given, unanswered]) {
    expect(queue.number(batch, identity)).toBe(true)
    queue.send(batch)
  }
  // Neither is answered; the time of the first is up.
  for (const batch of [given, unanswered]) {
    queue.arrived(batch)
    batch.mayBeWritten = true
  }
  queue.renumber({ kind: 'restart' })
  queue.giveBack(unanswered)
  expect(queue.recover(bump)).toBe(true)

  expect([queue.peek() === unanswered, unanswered.baseSequence, identity]).toEqual([true, 1, first])
  queue.send(unanswered)
  expect([queue.hasReady(), queue.peek()]).toEqual([false, null])
  // The first was not written, so this one was not either.
  queue.arrived(unanswered)
  unanswered.isMissing = true
  queue.giveBack(unanswered)
  expect(queue.recover(bump)).toBe(true)

  expect(identity).toBe(next)
  for (const batch of [unanswered, fresh]) {
    expect(queue.peek()).toBe(batch)
    expect(queue.number(batch, identity)).toBe(true)
    queue.send(batch)
    queue.arrived(batch)
    queue.wasWritten(batch)
  }
  expect([unanswered, fresh].map(({ identity, baseSequence }) => [identity, baseSequence])).toEqual([
    [next, 0],
    [next, 1],
  ])
})
