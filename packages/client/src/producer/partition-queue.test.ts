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

it('a queue that begins a new count first asks under the old numbers for what may be written', () => {
  const queue = new PartitionQueue({ name: 't', compression: 'none', packer: null }, 0)
  const first = { producerId: 7, producerEpoch: 0 }
  const next = { producerId: 7, producerEpoch: 1 }
  let identity = first
  const bump = () => {
    identity = next
  }
  const [given, unanswered, fresh] = [0, 1, 2].map(ordinal => {
    const batch = new ProducerBatch(queue, new BatchBuilder({ maxBytes: 1024 }), 0, ordinal)
    batch.append(0, null, 'x', undefined)
    queue.waiting.push(batch)
    return batch
  }) as [ProducerBatch, ProducerBatch, ProducerBatch]
  queue.isCounted = true
  queue.identity = first
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
    queue.wasWritten(batch)
  }
  expect([unanswered, fresh].map(({ identity, baseSequence }) => [identity, baseSequence])).toEqual([
    [next, 0],
    [next, 1],
  ])
})
