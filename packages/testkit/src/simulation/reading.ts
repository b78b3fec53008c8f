import { type ConsumedBatch, Consumer } from '@millrace/client'
import type { World } from '@millrace/runtime'
import type { PolledRecord } from '../check/history.ts'
import { dataPartitions, keyOf, type WorkloadContext } from './context.ts'

/** The records of a batch, with the number that each one's value begins with. */
export function readBatch(batch: ConsumedBatch): PolledRecord[] {
  const read: PolledRecord[] = []
  const key = keyOf(batch.topic, batch.partition)
  const records = batch.records()
  while (records.next())
    read.push({ key, offset: records.offset, value: Number.parseInt(Buffer.from(records.value()!).toString(), 10) })
  return read
}

/** Reads all data from the beginning to the end that is there now. Resolves when it is reached. */
export async function readAll(context: WorkloadContext, world: World): Promise<void> {
  const { bootstrapServers, history, options } = context
  const consumer = new Consumer({
    world,
    bootstrapServers,
    clientId: 'final',
    autoOffsetReset: 'earliest',
    requestTimeoutMs: 5000,
  })
  const partitions = dataPartitions(options)
  consumer.assign(partitions)
  history.assign(
    'final',
    partitions.map(({ topic, partition }) => keyOf(topic, partition)),
  )
  const ends = await consumer.endOffsets(partitions)
  while (partitions.some((partition, i) => (consumer.position(partition) ?? 0) < ends[i]!)) {
    for (const batch of await consumer.poll(500)) history.poll('final', readBatch(batch))
  }
  await consumer.close()
}
