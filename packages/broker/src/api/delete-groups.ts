import { DeleteGroups, type DeleteGroupsRequest, type DeleteGroupsResponse, type Draft } from '@millrace/protocol'
import type { GroupRouter } from '../group/group-coordinators.ts'
import type { ApiHandler } from './handler.ts'

/** DeleteGroups: empty groups, with their offsets. */
export function deleteGroups(groups: GroupRouter): ApiHandler<DeleteGroupsRequest, Draft<DeleteGroupsResponse>> {
  return {
    api: DeleteGroups,
    versions: { min: 0, max: 2 },
    async handle({ groupsNames }) {
      const results = [...new Set(groupsNames)].map(async groupId => {
        const errorCode = await groups.ask<number>(
          groupId,
          answer => ({ kind: 'delete', groupId, answer }),
          code => code,
        )
        return { groupId, errorCode }
      })
      return { results: await Promise.all(results) }
    },
  }
}
