import { metricsText } from '@millrace/runtime'
import { expect, test } from 'vitest'
import { brokerMetricDeclarations } from '../broker-metric-declarations.ts'
import { BrokerMetrics } from '../broker-metrics.ts'
import { underJmxNames } from './jmx-names.ts'

test('what Kafka has too is shown under the names of the JMX exporter, with the same values', () => {
  const metrics = new BrokerMetrics()
  metrics.observe(1, { underReplicatedPartitions: () => 7, activeControllers: () => 1 })
  metrics.isrShrunk()
  metrics.ofTopic('t').appended({ sizeInBytes: 70, recordCount: 3 })
  const lines = metricsText(underJmxNames(metrics.families())).split('\n')
  expect(lines).toContain('kafka_server_replicamanager_underreplicatedpartitions 7')
  expect(lines).toContain('kafka_controller_kafkacontroller_activecontrollercount 1')
  expect(lines).toContain('kafka_server_replicamanager_isrshrinks_total 1')
  expect(lines).toContain('# TYPE kafka_server_replicamanager_isrshrinks_total counter')
  expect(lines).toContain('kafka_server_brokertopicmetrics_bytesin_total{topic="t"} 70')
  expect(lines).toContain('kafka_server_brokertopicmetrics_messagesin_total{topic="t"} 3')
})

test('every name stands for a metric that is declared', () => {
  const readings = Object.fromEntries(
    ['partitions', 'replicas', 'offlinePartitions', 'underReplicatedPartitions', 'underMinIsrPartitions', 'atMinIsrPartitions']
      .concat(['offlineLogDirectories', 'activeControllers', 'leaderlessPartitions', 'fencedBrokers'])
      .map(name => [name, () => 0]),
  )
  const metrics = new BrokerMetrics()
  metrics.observe(1, readings)
  const described = underJmxNames(metrics.families()).map(({ declaration }) => /^As (\S+):/.exec(declaration.description)![1]!)
  expect(described).toHaveLength(15)
  const declared = new Set(brokerMetricDeclarations.map(({ name }) => name))
  expect(described.filter(name => !declared.has(name))).toEqual([])
})
