/** Second door of @millrace/client: for sibling packages only. */
export { PartitionState } from './consumer/partition-state.ts'
export { GroupMember, type GroupMemberEvents, type GroupMemberOptions, type OtherMember } from './group/group-member.ts'
export { PartitionQueue } from './producer/partition-queue.ts'
