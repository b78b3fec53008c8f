import { connect } from 'node:net'
import { Admin, Consumer } from '@millrace/client'
import { Kafka, logLevel, type Transaction } from 'kafkajs'
import { expect, it } from 'vitest'
import { clientSuite } from './client-suite.ts'

const bootstrapServers = process.env['MILLRACE_KAFKA_BOOTSTRAP'] ?? '127.0.0.1:19092'

/** A running Apache Kafka; `MILLRACE_KAFKA_BOOTSTRAP` says where. Missing is a failure. */
async function startTarget() {
  const [host, port] = bootstrapServers.split(':') as [string, string]
  await new Promise<void>((resolve, reject) => {
    const socket = connect(Number(port), host, () => {
      socket.destroy()
      resolve()
    })
    const missing = `no Apache Kafka at ${bootstrapServers}: start one, or set MILLRACE_KAFKA_BOOTSTRAP`
    socket.on('error', error => reject(new Error(missing, { cause: error })))
  })
  return { bootstrapServers, stop: async () => {} }
}

clientSuite('Apache Kafka', startTarget)

it('with read_committed gives what transactions committed, and with read_uncommitted all that they wrote', async () => {
  const topic = `client-transactions-${process.pid}-${Date.now()}`
  const admin = new Admin({ bootstrapServers })
  await admin.createTopics([{ topic, partitions: 1, replicationFactor: 1 }])
  const producer = new Kafka({ brokers: [bootstrapServers], logLevel: logLevel.NOTHING }).producer({
    transactionalId: topic,
    maxInFlightRequests: 1,
    idempotent: true,
  })
  await producer.connect()
  const write = async (values: string[], end: (transaction: Transaction) => Promise<void>) => {
    const transaction = await producer.transaction()
    for (const value of values) await transaction.send({ topic, messages: [{ value }] })
    await end(transaction)
  }
  await write(['a', 'b'], transaction => transaction.commit())
  await write(['lost', 'lost too'], transaction => transaction.abort())
  await write(['c'], transaction => transaction.commit())
  await write(['lost again'], transaction => transaction.abort())
  await producer.disconnect()
  const read = async (isolationLevel: 'read_committed' | 'read_uncommitted', count: number) => {
    const consumer = new Consumer({ bootstrapServers, isolationLevel, autoOffsetReset: 'earliest', maxPollRecords: 1 })
    consumer.assign([{ topic, partition: 0 }])
    const [end] = await consumer.endOffsets([{ topic, partition: 0 }])
    const values: string[] = []
    while ((consumer.position({ topic, partition: 0 }) ?? 0) < end!)
      for (const batch of await consumer.poll(1_000)) {
        const cursor = batch.records()
        while (cursor.next()) values.push(Buffer.from(cursor.value()!).toString())
      }
    expect(consumer.lag({ topic, partition: 0 })).toBe(0)
    await consumer.close()
    expect(values).toHaveLength(count)
    return values
  }
  expect(await read('read_committed', 3)).toEqual(['a', 'b', 'c'])
  expect(await read('read_uncommitted', 6)).toEqual(['a', 'b', 'lost', 'lost too', 'c', 'lost again'])
  await admin.deleteTopics([topic])
  await admin.close()
})
