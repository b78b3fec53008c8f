import { Consumer, Producer } from '@millrace/client'
import { runDriver } from './driver.ts'

await runDriver({
  async produce(bootstrapServers, topic, partitions, count, value) {
    const producer = new Producer({ bootstrapServers, batchBytes: 64 * 1024, lingerMs: 5 })
    for (let i = 0; i < count; i++) {
      const record = { topic, partition: i % partitions, value }
      while (!producer.append(record)) await producer.ready()
    }
    await producer.flush()
    await producer.close()
  },
  async sendOneByOne(bootstrapServers, topic, count, value) {
    const producer = new Producer({ bootstrapServers, lingerMs: 0 })
    const times: number[] = []
    for (let i = 0; i < count; i++) {
      const start = performance.now()
      await producer.send({ topic, partition: 0, value })
      times.push(performance.now() - start)
    }
    await producer.close()
    return times
  },
  async consume(bootstrapServers, topic, count) {
    const consumer = new Consumer({ bootstrapServers, groupId: `bench-${process.pid}`, autoOffsetReset: 'earliest' })
    consumer.subscribe([topic])
    let read = 0
    let sum = 0
    let start = 0
    for await (const batch of consumer.batches()) {
      start ||= performance.now()
      const records = batch.records()
      while (read < count && records.next()) {
        read++
        sum += records.valueLength
      }
      if (read >= count) break
    }
    const ms = performance.now() - start
    await consumer.close()
    return { sum, ms }
  },
})
