import {
  AddRaftVoter,
  type Api,
  BeginQuorumEpoch,
  DescribeQuorum,
  EndQuorumEpoch,
  Fetch,
  FetchSnapshot,
  RemoveRaftVoter,
  UpdateRaftVoter,
  Vote,
} from '@millrace/protocol'
import type { ControllerServices } from './controller-services.ts'
import type { ApiHandler } from './handler.ts'
import { refusalFor } from './refusal.ts'

const betweenMembers: readonly Api<any, any>[] = [Vote, BeginQuorumEpoch, EndQuorumEpoch, Fetch, FetchSnapshot, UpdateRaftVoter]
const ofAdministrators: readonly Api<any, any>[] = [DescribeQuorum, AddRaftVoter, RemoveRaftVoter]

/** What members of the quorum ask one another, and administrators ask them: each answers for itself, leader or not. */
export function raftRequestHandlers(): ApiHandler<any, any, ControllerServices>[] {
  return [...betweenMembers, ...ofAdministrators].map(raftHandler)
}

/** An administrator's request that raft answers, not the controller. */
export function isRaftRequest(api: Api<any, any>): boolean {
  return ofAdministrators.includes(api)
}

function raftHandler(api: Api<any, any>): ApiHandler<any, any, ControllerServices> {
  return {
    api,
    versions: api.versions!,
    async handle(request, { apiVersion, listenerName }, { quorum, logger }) {
      try {
        return await quorum.raft.handle(api, apiVersion, request, { listenerName })
      } catch (error) {
        return refusalFor(api, apiVersion, request, error, logger)
      }
    },
  }
}
