import type { GroupRouter } from '../group/group-coordinators.ts'
import { deleteGroups } from './delete-groups.ts'
import { describeGroups } from './describe-groups.ts'
import { findCoordinator } from './find-coordinator.ts'
import type { ApiHandler } from './handler.ts'
import { heartbeat } from './heartbeat.ts'
import { joinGroup } from './join-group.ts'
import { leaveGroup } from './leave-group.ts'
import { listGroups } from './list-groups.ts'
import { offsetCommit } from './offset-commit.ts'
import { offsetDelete } from './offset-delete.ts'
import { offsetFetch } from './offset-fetch.ts'
import { syncGroup } from './sync-group.ts'

/** The APIs of classic groups and committed offsets. */
export function groupHandlers(groups: GroupRouter): readonly ApiHandler<any, any>[] {
  return [
    findCoordinator(),
    joinGroup(groups),
    syncGroup(groups),
    heartbeat(groups),
    leaveGroup(groups),
    describeGroups(groups),
    listGroups(groups),
    deleteGroups(groups),
    offsetCommit(groups),
    offsetFetch(groups),
    offsetDelete(groups),
  ]
}
