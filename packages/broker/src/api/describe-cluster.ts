import { DescribeCluster, type DescribeClusterRequest, type DescribeClusterResponse, type Draft } from '@millrace/protocol'
import { clusterOperations, operationsNotAsked } from './authorized-operations.ts'
import { brokerEndpoint, wrongEndpoint } from './endpoint-type.ts'
import type { ApiHandler } from './handler.ts'
import { ReachableBrokers } from './partition-answer.ts'

/** DescribeCluster: the cluster's id and its brokers; from version 2 on the fenced ones too if asked for. */
export function describeClusterHandler(): ApiHandler<DescribeClusterRequest, Draft<DescribeClusterResponse>> {
  return {
    api: DescribeCluster,
    versions: { min: 0, max: 2 },
    handle(request, { listenerName }, { metadata, clusterId, world }) {
      const { endpointType } = request
      if (endpointType !== brokerEndpoint) return wrongEndpoint(endpointType, brokerEndpoint)
      const reachable = new ReachableBrokers(metadata, listenerName)
      const brokers = [...metadata.brokers()].flatMap(broker => {
        const address = broker.fenced && !request.includeFencedBrokers ? undefined : reachable.addressOf(broker)
        return address ? [{ brokerId: broker.id, ...address, rack: broker.rack, isFenced: broker.fenced }] : []
      })
      return {
        endpointType,
        clusterId,
        controllerId: reachable.anyId(world.random),
        brokers,
        clusterAuthorizedOperations: request.includeClusterAuthorizedOperations ? clusterOperations : operationsNotAsked,
      }
    },
  }
}
