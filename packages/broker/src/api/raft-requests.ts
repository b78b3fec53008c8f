import type { Api } from '@millrace/protocol'
import { raftApis } from '../raft/raft-requests.ts'
import type { ControllerServices } from './controller-services.ts'
import type { ApiHandler } from './handler.ts'
import { refusalFor } from './refusal.ts'

/** What members of the quorum ask one another, and administrators ask them: each answers for itself, leader or not. */
export function raftRequestHandlers(): ApiHandler<any, any, ControllerServices>[] {
  return raftApis.map(raftHandler)
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
