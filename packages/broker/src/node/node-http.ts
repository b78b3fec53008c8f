import { metricsText } from '@millrace/runtime'
import { readHttpListener } from '../config/http-listener.ts'
import { topicConfig } from '../config/resolve.ts'
import { topicKeys } from '../config/topic-keys.ts'
import type { QuorumMember } from '../controller/quorum-member.ts'
import { clusterReadings } from '../http/cluster-readings.ts'
import { underJmxNames } from '../http/jmx-names.ts'
import { openNodeHttp } from '../http/node-http.ts'
import { ProcessMetrics } from '../http/process-metrics.ts'
import type { ShutdownSteps } from '../shutdown-steps.ts'
import type { NodeContext } from './node-context.ts'
import type { NodeStatus } from './node-status.ts'

/** Serves health, readiness and metrics from the node's first moment, where `millrace.http.listener` is set. */
export async function openHttp(node: NodeContext, status: () => NodeStatus, shutdown: ShutdownSteps): Promise<void> {
  const address = readHttpListener(node.config)
  if (address === null) return
  const { logger, nodeId, clusterId, metrics } = node
  const processMetrics = new ProcessMetrics()
  const http = await openNodeHttp({
    address,
    logger,
    nodeId,
    clusterId,
    roles: status().roles,
    unreadiness: () => status().unreadiness,
    metrics: () => {
      const families = [...metrics.families()]
      return metricsText([...families, ...underJmxNames(families), ...processMetrics.families()])
    },
  })
  shutdown.add('http', () => http.close())
}

/** Gauges of what this node knows of the cluster. */
export function observeCluster({ metrics, config, nodeId }: NodeContext, quorum: QuorumMember): () => void {
  const { metadata } = quorum
  const readings = clusterReadings({
    nodeId,
    metadata,
    minIsrOf: topic => topicConfig({ config, metadata, nodeId }, topic, topicKeys.minInsyncReplicas),
    quorum: () => ({ leaderId: quorum.raft.leader.id, epoch: quorum.raft.leader.epoch }),
  })
  const unsubscribe = metadata.subscribe(({ deletedTopics }) => {
    if (deletedTopics.length > 0) metrics.keepTopics(topic => metadata.topic(topic) !== undefined)
  })
  const stop = metrics.observe(nodeId, readings)
  return () => {
    unsubscribe()
    stop()
  }
}
