import { DescribeCluster, type DescribeClusterRequest, type DescribeClusterResponse, type Draft } from '@millrace/protocol'
import { clusterOperations, operationsNotAsked } from './authorized-operations.ts'
import type { ControllerServices } from './controller-services.ts'
import { brokerEndpoint, controllerEndpoint, wrongEndpoint } from './endpoint-type.ts'
import type { ApiHandler } from './handler.ts'

/** DescribeCluster of a controller (KIP-919): the registered controllers as this listener's clients reach them, and which one is active. */
export function describeControllersHandler(): ApiHandler<
  DescribeClusterRequest,
  Draft<DescribeClusterResponse>,
  ControllerServices
> {
  return {
    api: DescribeCluster,
    versions: { min: 0, max: 2 },
    handle(request, { listenerName, apiVersion }, { quorum, clusterId }) {
      // Version 0 can't say what it asks for.
      const endpointType = apiVersion === 0 ? brokerEndpoint : request.endpointType
      if (endpointType !== controllerEndpoint) return wrongEndpoint(endpointType, controllerEndpoint)
      const brokers = quorum.controllers().flatMap(({ id, listeners }) => {
        const listener = listeners.find(({ name }) => name === listenerName)
        return listener ? [{ brokerId: id, host: listener.host, port: listener.port, rack: null }] : []
      })
      return {
        endpointType: controllerEndpoint,
        clusterId,
        controllerId: quorum.raft.leader.id,
        brokers,
        clusterAuthorizedOperations: request.includeClusterAuthorizedOperations ? clusterOperations : operationsNotAsked,
      }
    },
  }
}
