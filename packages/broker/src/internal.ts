/** Second door of @millrace/broker: for sibling packages only. */

export { CoordinatorLog } from './group/coordinator-log.ts'
export { insidesOf, type NodeInsides } from './insides.ts'
export { Log } from './log/log.ts'
export { defaultLogConfig, type LogConfig } from './log/log-config.ts'
export { LogManager } from './log/log-manager.ts'
export { ProducerLog } from './log/producer-log.ts'
export { ProducerState } from './log/producer-state.ts'
export { Segment } from './log/segment.ts'
export { Leader } from './partition/leader.ts'
export { Raft } from './raft/raft.ts'
export { RaftNode } from './raft/raft-node.ts'
export { newUuid } from './storage/new-uuid.ts'
