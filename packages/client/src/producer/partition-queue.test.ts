import { expect, it } from 'vitest'
import { PartitionQueue } from './partition-queue.ts'
import type { ProducerBatch } from './producer-batch.ts'

it('a queue with batches on the wire to one broker sends nothing to another one before they are back', () => {
  const queue = new PartitionQueue({ name: 't', compression: 'none', packer: null }, 0)
  expect(queue.mustWaitFor(1)).toBe(false)
  queue.sentToNode = 1
  queue.inFlight.push({} as ProducerBatch)
  expect([queue.mustWaitFor(1), queue.mustWaitFor(2)]).toEqual([false, true])
  queue.inFlight.length = 0
  expect(queue.mustWaitFor(2)).toBe(false)
})
