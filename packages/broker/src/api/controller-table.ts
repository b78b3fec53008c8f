import { type Api, apis, BrokerHeartbeat, ErrorCode } from '@millrace/protocol'
import { decisionOf } from '../controller/controller.ts'
import { supportedFeatures } from '../controller/features.ts'
import { isRaftAdministration } from '../raft/raft-requests.ts'
import { apiVersionsHandler } from './api-versions.ts'
import { changesConfigs } from './config-changes.ts'
import type { ControllerServices } from './controller-services.ts'
import { describeConfigsHandler } from './describe-configs.ts'
import { describeControllersHandler } from './describe-controllers.ts'
import { envelopeHandler } from './envelope.ts'
import type { ApiHandler } from './handler.ts'
import { changeLoggers } from './logger-changes.ts'
import { raftRequestHandlers } from './raft-requests.ts'
import { refusalFor } from './refusal.ts'
import { ApiTable } from './table.ts'

/** Every API that a controller listener serves: raft's, the brokers', and what administrators may ask controllers directly (KIP-919). */
export function controllerTable(): ApiTable<ControllerServices> {
  const table = new ApiTable<ControllerServices>([
    ...raftRequestHandlers(),
    ...apis.filter(api => isDecided(api) && !isRaftAdministration(api)).map(decidedHandler),
    envelopeHandler(),
    describeConfigsHandler(),
    describeControllersHandler(),
  ])
  table.add(apiVersionsHandler(table, supportedFeatures))
  return table
}

/** The active controller answers it, in records that are committed, or in what only the leader of the quorum knows. */
export function isDecided(api: Api<any, any>): boolean {
  return (
    api.versions !== null && api.listeners.includes('controller') && (isRaftAdministration(api) || decisionOf(api) !== undefined)
  )
}

function decidedHandler(api: Api<any, any>): ApiHandler<any, any, ControllerServices> {
  return {
    api,
    versions: api.versions!,
    async handle(request, { apiVersion, connection }, { quorum, logger, loggers, nodeId, lostBrokers }) {
      try {
        const send = (sent: object) => quorum.request(api, apiVersion, sent)
        if (changesConfigs(api)) return await changeLoggers(api, request, { nodeId, loggers }, send)
        const response = await send(request)
        if (api === BrokerHeartbeat && (response as { errorCode: number }).errorCode === ErrorCode.NONE)
          lostBrokers.heard(request.brokerId, request.brokerEpoch, connection)
        return response
      } catch (error) {
        return refusalFor(api, apiVersion, request, error, logger)
      }
    },
  }
}
