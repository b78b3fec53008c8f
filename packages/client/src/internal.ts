/** Second door of @millrace/client: for sibling packages only. */
export { PartitionState } from './consumer/partition-state.ts'
export { PartitionQueue } from './producer/partition-queue.ts'
