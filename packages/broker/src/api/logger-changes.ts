import { type Api, ErrorCode, IncrementalAlterConfigs, type IncrementalAlterConfigsRequest } from '@millrace/protocol'
import { ConfigResourceType } from '../config/resolve.ts'
import { orRefusal, Refusal } from '../controller/decision.ts'
import type { NodeServices } from '../services.ts'

type Request = Pick<IncrementalAlterConfigsRequest, 'resources' | 'validateOnly'>
interface Answer {
  readonly responses: readonly object[]
}

/** Throws a Refusal INVALID_REQUEST for loggers of another node: it alone can describe and change them. */
export function checkLoggersNode(resourceName: string, nodeId: number): void {
  if (!/^\d+$/.test(resourceName))
    throw new Refusal(ErrorCode.INVALID_REQUEST, `Node id must be an integer, but it is: ${resourceName}`)
  if (Number(resourceName) !== nodeId)
    throw new Refusal(ErrorCode.INVALID_REQUEST, `Unexpected broker id, expected ${nodeId}, but received ${resourceName}`)
}

/** The levels of this node's loggers are changed here, as they are none of the cluster's settings; the other resources are for `send`. */
export async function changeLoggers(
  api: Api<any, any>,
  request: Request,
  { nodeId, loggers }: Pick<NodeServices, 'nodeId' | 'loggers'>,
  send: (request: any) => Promise<any>,
): Promise<unknown> {
  const isLogger = ({ resourceType }: { readonly resourceType: number }) => resourceType === ConfigResourceType.BROKER_LOGGER
  if (api.key !== IncrementalAlterConfigs.key || !request.resources.some(isLogger)) return send(request)
  const changed = request.resources.filter(isLogger).map(({ resourceType, resourceName, configs }) =>
    orRefusal<object>(
      () => {
        checkLoggersNode(resourceName, nodeId)
        loggers.change(configs, request.validateOnly)
        return { errorCode: ErrorCode.NONE, errorMessage: null, resourceType, resourceName }
      },
      ({ errorCode, message: errorMessage }) => ({ errorCode, errorMessage, resourceType, resourceName }),
    ),
  )
  const others = request.resources.filter(resource => !isLogger(resource))
  const sent: Answer = others.length === 0 ? { responses: [] } : await send({ ...request, resources: others })
  return { ...sent, responses: [...changed, ...sent.responses] }
}
