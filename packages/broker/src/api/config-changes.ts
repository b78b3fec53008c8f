import { AlterConfigs, ErrorCode, IncrementalAlterConfigs } from '@millrace/protocol'
import { ConfigResourceType } from '../config/resolve.ts'

interface Resource {
  readonly resourceType: number
  readonly resourceName: string
}
interface Row extends Resource {
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** Whether the API changes settings: its requests and answers have a row a resource. */
export function changesConfigs(api: { readonly key: number }): boolean {
  return api.key === IncrementalAlterConfigs.key || api.key === AlterConfigs.key
}

/**
 * Sends on what this broker may send on, and puts its own refusals before the answers. The settings of a broker go to that broker, as the
 * settings that it was started with are known to it alone: another one refuses them, as in Kafka.
 */
export async function changeConfigs(
  request: { readonly resources: readonly Resource[] },
  nodeId: number,
  send: (request: object) => Promise<{ readonly responses: readonly Row[] }>,
): Promise<{ readonly responses: readonly Row[] }> {
  const isElsewhere = ({ resourceType, resourceName }: Resource) =>
    resourceType === ConfigResourceType.BROKER && /^\d+$/.test(resourceName) && resourceName !== String(nodeId)
  if (!request.resources.some(isElsewhere)) return await send(request)
  const here = request.resources.filter(resource => !isElsewhere(resource))
  const sent = here.length === 0 ? { responses: [] } : await send({ ...request, resources: here })
  const refused = request.resources.filter(isElsewhere).map(({ resourceType, resourceName }) => ({
    resourceType,
    resourceName,
    errorCode: ErrorCode.INVALID_REQUEST,
    errorMessage: `Unexpected broker id, expected ${nodeId} or empty string, but received ${resourceName}`,
  }))
  return { ...sent, responses: [...refused, ...sent.responses] }
}
