import { Consumer, MessagesStreamModes, ProduceAcks, Producer } from '@platformatic/kafka'
import { runDriver } from './driver.ts'

const batch = 500
const outstanding = 8

await runDriver({
  async produce(bootstrap, topic, partitions, count, value) {
    const producer = new Producer({
      clientId: 'bench',
      bootstrapBrokers: [bootstrap],
      acks: ProduceAcks.ALL,
      autocreateTopics: false,
    })
    let next = 0
    const lane = async () => {
      while (next < count) {
        const messages = []
        for (let i = 0; i < batch && next < count; i++, next++) messages.push({ topic, partition: next % partitions, value })
        await producer.send({ messages })
      }
    }
    await Promise.all(Array.from({ length: outstanding }, lane))
    await producer.close()
  },
  async sendOneByOne(bootstrap, topic, count, value) {
    const producer = new Producer({
      clientId: 'bench',
      bootstrapBrokers: [bootstrap],
      acks: ProduceAcks.ALL,
      autocreateTopics: false,
    })
    const times: number[] = []
    for (let i = 0; i < count; i++) {
      const start = performance.now()
      await producer.send({ messages: [{ topic, partition: 0, value }] })
      times.push(performance.now() - start)
    }
    await producer.close()
    return times
  },
  async consume(bootstrap, topic, count) {
    const consumer = new Consumer({
      clientId: 'bench',
      groupId: `bench-${process.pid}`,
      bootstrapBrokers: [bootstrap],
      maxWaitTime: 100,
      autocommit: false,
    })
    const stream = await consumer.consume({ topics: [topic], mode: MessagesStreamModes.EARLIEST })
    let read = 0
    let sum = 0
    let start = 0
    await new Promise<void>((resolve, reject) => {
      stream.on('error', reject)
      stream.on('data', message => {
        if (read >= count) return
        start ||= performance.now()
        sum += message.value!.length
        if (++read === count) resolve()
      })
    })
    const ms = performance.now() - start
    await consumer.close(true)
    return { sum, ms }
  },
})
