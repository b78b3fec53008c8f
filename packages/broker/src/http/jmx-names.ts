import type { MetricDeclaration, MetricFamily } from '@millrace/runtime'

/** Names that Prometheus' JMX exporter gives to Apache Kafka's metrics, and ours with the same meaning: dashboards and alerts made for Kafka go on working. */
const names: readonly (readonly [string, string])[] = [
  ['kafka.server.replicamanager.leadercount', 'millrace.broker.partitions'],
  ['kafka.server.replicamanager.partitioncount', 'millrace.broker.replicas'],
  ['kafka.server.replicamanager.offlinereplicacount', 'millrace.broker.partitions.offline'],
  ['kafka.server.replicamanager.underreplicatedpartitions', 'millrace.broker.partitions.under_replicated'],
  ['kafka.server.replicamanager.underminisrpartitioncount', 'millrace.broker.partitions.under_min_isr'],
  ['kafka.server.replicamanager.atminisrpartitioncount', 'millrace.broker.partitions.at_min_isr'],
  ['kafka.server.replicamanager.isrshrinks', 'millrace.broker.isr.shrinks'],
  ['kafka.server.replicamanager.isrexpands', 'millrace.broker.isr.expands'],
  ['kafka.server.brokertopicmetrics.bytesin', 'millrace.broker.log.append.bytes'],
  ['kafka.server.brokertopicmetrics.bytesout', 'millrace.broker.fetch.bytes'],
  ['kafka.server.brokertopicmetrics.messagesin', 'millrace.broker.log.append.records'],
  ['kafka.log.logmanager.offlinelogdirectorycount', 'millrace.broker.log.directories.offline'],
  ['kafka.controller.kafkacontroller.activecontrollercount', 'millrace.controller.active'],
  ['kafka.controller.kafkacontroller.offlinepartitionscount', 'millrace.cluster.partitions.leaderless'],
  ['kafka.controller.kafkacontroller.fencedbrokercount', 'millrace.cluster.brokers.fenced'],
]

/** The families again under the names that the JMX exporter gives them, where Kafka has the metric. */
export function underJmxNames(families: Iterable<MetricFamily>): MetricFamily[] {
  const byName = new Map<string, MetricFamily>()
  for (const family of families) byName.set(family.declaration.name, family)
  return names.flatMap(([name, ours]) => {
    const family = byName.get(ours)
    if (family === undefined) return []
    const { kind, attributes, description } = family.declaration
    // Kafka's names carry no unit.
    const declaration: MetricDeclaration = { kind, name, unit: '1', attributes, description: `As ${ours}: ${description}` }
    return [{ declaration, series: family.series }]
  })
}
