/** Door of @millrace/client: what users import. */
export type { ClientOptions } from './cluster.ts'
export {
  BufferExhaustedError,
  ClosedError,
  DisconnectedError,
  isRetriable,
  NoOffsetError,
  StateError,
  TimeoutError,
} from './errors.ts'
export { murmur2, partitionOfKey } from './producer/murmur2.ts'
export { Producer, type ProducerOptions } from './producer/producer.ts'
export type { ProducerRecord, RecordMetadata } from './producer/record.ts'
export type { TopicPartition } from './topic-partition.ts'
