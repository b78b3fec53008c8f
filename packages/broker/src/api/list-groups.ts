import { type Draft, ListGroups, type ListGroupsRequest, type ListGroupsResponse } from '@millrace/protocol'
import type { GroupRouter } from '../group/group-coordinators.ts'
import type { ApiHandler } from './handler.ts'

/** The only type of groups here, as ListGroups v5 names it. */
const classicType = 'classic'

/** ListGroups: the groups that this broker coordinates; filters do not mind case. */
export function listGroups(groups: GroupRouter): ApiHandler<ListGroupsRequest, Draft<ListGroupsResponse>> {
  return {
    api: ListGroups,
    versions: { min: 0, max: 5 },
    async handle({ statesFilter, typesFilter }) {
      const listed = await groups.list()
      if (typeof listed === 'number') return { errorCode: listed, groups: [] }
      const states = new Set(statesFilter.map(state => state.toLowerCase()))
      const types = new Set(typesFilter.map(type => type.toLowerCase()))
      if (types.size > 0 && !types.has(classicType)) return { groups: [] }
      return {
        groups: listed
          .filter(({ state }) => states.size === 0 || states.has(state.toLowerCase()))
          .map(({ groupId, protocolType, state }) => ({ groupId, protocolType, groupState: state, groupType: classicType })),
      }
    },
  }
}
