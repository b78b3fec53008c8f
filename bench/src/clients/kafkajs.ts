import kafkajs from 'kafkajs'
import { runDriver } from './driver.ts'

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'
const { Kafka, logLevel } = kafkajs
const connect = (bootstrap: string) => new Kafka({ clientId: 'bench', brokers: [bootstrap], logLevel: logLevel.NOTHING })
const batch = 500
const outstanding = 8

await runDriver({
  async produce(bootstrap, topic, partitions, count, value) {
    const producer = connect(bootstrap).producer({ allowAutoTopicCreation: false })
    await producer.connect()
    let next = 0
    const lane = async () => {
      while (next < count) {
        const messages = []
        for (let i = 0; i < batch && next < count; i++, next++) messages.push({ partition: next % partitions, value })
        await producer.send({ topic, acks: -1, messages })
      }
    }
    await Promise.all(Array.from({ length: outstanding }, lane))
    await producer.disconnect()
  },
  async sendOneByOne(bootstrap, topic, count, value) {
    const producer = connect(bootstrap).producer({ allowAutoTopicCreation: false })
    await producer.connect()
    const times: number[] = []
    for (let i = 0; i < count; i++) {
      const start = performance.now()
      await producer.send({ topic, acks: -1, messages: [{ partition: 0, value }] })
      times.push(performance.now() - start)
    }
    await producer.disconnect()
    return times
  },
  async consume(bootstrap, topic, count) {
    const consumer = connect(bootstrap).consumer({ groupId: `bench-${process.pid}`, maxWaitTimeInMs: 100 })
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    let read = 0
    let sum = 0
    let start = 0
    await new Promise<void>(resolve => {
      void consumer.run({
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          start ||= performance.now()
          for (const message of batch.messages) {
            if (read >= count) return
            sum += message.value!.length
            if (++read === count) resolve()
          }
        },
      })
    })
    const ms = performance.now() - start
    await consumer.disconnect()
    return { sum, ms }
  },
})
