import { type Api, apis } from '@millrace/protocol'
import { changeConfigs, changesConfigs } from './config-changes.ts'
import { isDecided } from './controller-table.ts'
import type { ApiHandler } from './handler.ts'
import { changeLoggers } from './logger-changes.ts'
import { refusalFor } from './refusal.ts'

/** Requests of clients that the controller decides: they go to it as they come, and its answer comes back as it is. */
export function controllerRequestHandlers(): ApiHandler<any, any>[] {
  return apis.filter(api => api.forwarded && api.listeners.includes('broker') && isDecided(api)).map(forwarded)
}

function forwarded(api: Api<any, any>): ApiHandler<any, any> {
  return {
    api,
    versions: api.versions!,
    async handle(request, context, { controller, logger, loggers, nodeId }) {
      const send = (sent: object) => controller.request(api, context.apiVersion, sent, context)
      try {
        if (!changesConfigs(api)) return await send(request)
        return await changeLoggers(api, request, { nodeId, loggers }, others => changeConfigs(others, nodeId, send))
      } catch (error) {
        return refusalFor(api, context.apiVersion, request, error, logger)
      }
    },
  }
}
