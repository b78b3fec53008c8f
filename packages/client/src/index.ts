/** Door of @millrace/client: what users import. */
export { Admin, type AdminOptions } from './admin/admin.ts'
export type { ConfigChange, ConfigDescription, ConfigEntry, ConfigResource, ConfigSource } from './admin/configs.ts'
export type { GroupDescription, GroupListing, GroupMemberDescription } from './admin/groups.ts'
export type { ClusterDescription, QuorumDescription, QuorumReplica } from './admin/quorum.ts'
export type { CreatedTopic, NewTopic, TopicDescription, TopicListing } from './admin/topics.ts'
export type { ClientOptions } from './cluster.ts'
export type { AssignmentMetadata, Assignor, GroupMember, MemberAssignment } from './consumer/assignors/assignor.ts'
export { rangeAssignor } from './consumer/assignors/range.ts'
export { roundRobinAssignor } from './consumer/assignors/round-robin.ts'
export type { ConsumedBatch, Message } from './consumer/consumed-batch.ts'
export { Consumer } from './consumer/consumer.ts'
export type { AssignmentInfo, ConsumerOptions, RebalanceListener } from './consumer/consumer-options.ts'
export {
  BufferExhaustedError,
  ClosedError,
  DisconnectedError,
  isRetriable,
  LogTruncationError,
  NoOffsetError,
  StateError,
  TimeoutError,
} from './errors.ts'
export type { CommittedOffset, OffsetCommit } from './group/group-offsets.ts'
export { type ListedOffset, type OffsetQuery, offsetSpec } from './list-offsets.ts'
export { murmur2, partitionOfKey } from './producer/murmur2.ts'
export { Producer } from './producer/producer.ts'
export type { ProducerOptions } from './producer/producer-options.ts'
export type { ProducerRecord, RecordMetadata } from './producer/record.ts'
export { bytesSerde, int64Serde, jsonSerde, type Serde, type SyncSerde, stringSerde } from './serde.ts'
export type { TopicPartition } from './topic-partition.ts'
