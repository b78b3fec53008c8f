import { type Api, BeginQuorumEpoch, EndQuorumEpoch, Fetch, FetchSnapshot, UpdateRaftVoter, Vote } from '@millrace/protocol'
import type { ControllerServices } from './controller-services.ts'
import type { ApiHandler } from './handler.ts'
import { refusalFor } from './refusal.ts'

/** What members of the quorum ask one another, leader or not. */
export function raftRequestHandlers(): ApiHandler<any, any, ControllerServices>[] {
  return [Vote, BeginQuorumEpoch, EndQuorumEpoch, Fetch, FetchSnapshot, UpdateRaftVoter].map(raftHandler)
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
