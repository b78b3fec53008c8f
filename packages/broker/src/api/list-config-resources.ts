import {
  type Draft,
  ErrorCode,
  ListConfigResources,
  type ListConfigResourcesRequest,
  type ListConfigResourcesResponse,
} from '@millrace/protocol'
import { ConfigResourceType as type } from '../config/resolve.ts'
import type { ApiHandler } from './handler.ts'

const known: readonly number[] = [type.TOPIC, type.BROKER, type.BROKER_LOGGER, type.CLIENT_METRICS, type.GROUP]

/** ListConfigResources: what has settings. Version 0 asks for client metrics alone. */
export function listConfigResourcesHandler(): ApiHandler<ListConfigResourcesRequest, Draft<ListConfigResourcesResponse>> {
  return {
    api: ListConfigResources,
    versions: { min: 0, max: 1 },
    handle({ resourceTypes }, { apiVersion }, { metadata }) {
      const wanted = apiVersion === 0 ? [type.CLIENT_METRICS] : resourceTypes.length === 0 ? known : resourceTypes
      if (wanted.some(resourceType => !known.includes(resourceType))) return { errorCode: ErrorCode.UNSUPPORTED_VERSION }
      const configResources = []
      if (wanted.includes(type.TOPIC))
        for (const { name } of metadata.topics()) configResources.push({ resourceName: name, resourceType: type.TOPIC })
      if (wanted.includes(type.BROKER))
        for (const { id } of metadata.brokers()) configResources.push({ resourceName: String(id), resourceType: type.BROKER })
      if (wanted.includes(type.BROKER_LOGGER))
        for (const { id } of metadata.brokers())
          configResources.push({ resourceName: String(id), resourceType: type.BROKER_LOGGER })
      for (const resourceType of [type.CLIENT_METRICS, type.GROUP]) {
        if (!wanted.includes(resourceType)) continue
        for (const resourceName of metadata.configured(resourceType)) configResources.push({ resourceName, resourceType })
      }
      return { configResources }
    },
  }
}
