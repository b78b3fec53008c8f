/** Second door of @millrace/broker: for sibling packages only. */

export { leadersOf } from './broker.ts'
export { CoordinatorLog } from './group/coordinator-log.ts'
export { Log } from './log/log.ts'
export { defaultLogConfig, type LogConfig } from './log/log-config.ts'
export { LogManager } from './log/log-manager.ts'
export { ProducerLog } from './log/producer-log.ts'
export { ProducerState } from './log/producer-state.ts'
export { Segment } from './log/segment.ts'
export { Leader } from './partition/leader.ts'
export { newUuid } from './storage/new-uuid.ts'
