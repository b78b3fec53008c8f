import type { ConsumedBatch, Consumer, Message } from '@millrace/client'

export const textOf = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString())

/** Reads records until there are at least `count`; their values are copied out of the batches. */
export async function take(reader: Consumer, count: number): Promise<Message[]> {
  const messages: Message[] = []
  const deadline = Date.now() + 20_000
  while (messages.length < count) {
    if (Date.now() > deadline) throw new Error(`only ${messages.length} of ${count} records came`)
    for (const batch of await reader.poll(500)) {
      const cursor = batch.records()
      while (cursor.next()) {
        const { topic, partition } = batch
        const { offset, timestamp } = cursor
        messages.push({
          topic,
          partition,
          offset,
          timestamp,
          key: cursor.key(),
          value: cursor.value(),
          headers: cursor.headers(),
        })
      }
    }
  }
  return messages
}

export function valuesOf(batch: ConsumedBatch): string[] {
  const values: string[] = []
  const cursor = batch.records()
  while (cursor.next()) values.push(textOf(cursor.value())!)
  return values
}

/** The next batch of a partition; what comes of others is passed over. */
export async function firstOf(reader: Consumer, partition: number): Promise<ConsumedBatch> {
  for (;;) {
    const batch = (await reader.poll(5_000)).find(each => each.partition === partition)
    if (batch) return batch
  }
}

/** Repeats `step` until `condition` holds. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  step: () => Promise<unknown> = () => new Promise(resolve => setTimeout(resolve, 10)),
): Promise<void> {
  const deadline = Date.now() + 30_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('what the test waits for did not happen')
    await step()
  }
}
