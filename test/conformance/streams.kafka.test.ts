import { streamsSuite } from './streams-suite.ts'

/** A running Apache Kafka; `MILLRACE_KAFKA_BOOTSTRAP` says where. */
streamsSuite('Apache Kafka', async () => ({
  bootstrapServers: process.env['MILLRACE_KAFKA_BOOTSTRAP'] ?? '127.0.0.1:19092',
  stop: async () => {},
}))
