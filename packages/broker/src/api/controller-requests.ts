import {
  AlterConfigs,
  type Api,
  CreatePartitions,
  CreateTopics,
  DeleteTopics,
  DescribeQuorum,
  IncrementalAlterConfigs,
  ListPartitionReassignments,
} from '@millrace/protocol'
import type { ApiHandler } from './handler.ts'
import { refusalFor } from './refusal.ts'

/** Requests of clients that the controller decides: they go to it as they come, and its answer comes back as it is. */
export function controllerRequestHandlers(): ApiHandler<any, any>[] {
  return [
    forwarded(CreateTopics),
    forwarded(DeleteTopics),
    forwarded(CreatePartitions),
    forwarded(IncrementalAlterConfigs),
    forwarded(AlterConfigs),
    forwarded(ListPartitionReassignments),
    forwarded(DescribeQuorum),
  ]
}

function forwarded(api: Api<any, any>): ApiHandler<any, any> {
  return {
    api,
    versions: api.versions!,
    async handle(request, context, { controller, logger }) {
      try {
        return await controller.request(api, context.apiVersion, request, context)
      } catch (error) {
        return refusalFor(api, request, error, logger)
      }
    },
  }
}
