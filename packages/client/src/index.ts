/** Door of @millrace/client: what users import. */
export type { ClientOptions } from './cluster.ts'
export type { AssignmentMetadata, Assignor, GroupMember, MemberAssignment } from './consumer/assignors/assignor.ts'
export { rangeAssignor } from './consumer/assignors/range.ts'
export { roundRobinAssignor } from './consumer/assignors/round-robin.ts'
export type { ConsumedBatch, Message } from './consumer/consumed-batch.ts'
export { type AssignmentInfo, Consumer, type ConsumerOptions, type RebalanceListener } from './consumer/consumer.ts'
export type { CommittedOffset, OffsetCommit } from './consumer/group-offsets.ts'
export {
  BufferExhaustedError,
  ClosedError,
  DisconnectedError,
  isRetriable,
  NoOffsetError,
  StateError,
  TimeoutError,
} from './errors.ts'
export type { ListedOffset } from './list-offsets.ts'
export { murmur2, partitionOfKey } from './producer/murmur2.ts'
export { Producer, type ProducerOptions } from './producer/producer.ts'
export type { ProducerRecord, RecordMetadata } from './producer/record.ts'
export type { TopicPartition } from './topic-partition.ts'
