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

function forwarded<Request, Response>(api: Api<Request, Response>): ApiHandler<Request, Response> {
  return {
    api,
    versions: api.versions!,
    handle: (request, context, { controller }) => controller.request(api, context.apiVersion, request, context),
  }
}
