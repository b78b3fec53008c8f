/**
 * `npm run bench [-- --part brokers|clients|cluster] [--rounds N] [--records N] [--topics N]`: ours and the peers in turns, in one run, medians and ratios as Markdown.
 * Needs Apache Kafka (MILLRACE_KAFKA, see CONTRIBUTING.md) and Linux.
 */
import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { benchBrokers } from './broker-bench.ts'
import { benchClients } from './client-bench.ts'
import { benchClusters } from './cluster-bench.ts'
import { Comparison } from './table.ts'

const { values } = parseArgs({
  options: {
    part: { type: 'string', multiple: true, default: ['brokers', 'clients', 'cluster'] },
    rounds: { type: 'string', default: '3' },
    records: { type: 'string', default: '2000000' },
    topics: { type: 'string', default: '1000' },
  },
})
const rounds = Number(values.rounds)
const records = Number(values.records)

console.log(
  `${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${rounds} rounds\n`,
)
if (values.part.includes('brokers')) {
  const comparison = new Comparison()
  await benchBrokers(comparison, { rounds, records, latencyRecords: 10_000 })
  console.log(`Brokers, one node, 6 partitions:\n\n${comparison.format('Millrace', ['Apache Kafka'])}\n`)
}
if (values.part.includes('clients')) {
  const comparison = new Comparison()
  await benchClients(comparison, { rounds, records: records / 2 })
  console.log(
    `Clients against Apache Kafka, 256 B, 6 partitions, acks=all:\n\n${comparison.format('Millrace', ['@platformatic/kafka', 'kafkajs'])}\n`,
  )
}
if (values.part.includes('cluster')) {
  const comparison = new Comparison()
  await benchClusters(comparison, { rounds, records: records / 2, latencyRecords: 5_000, topics: Number(values.topics) })
  console.log(
    `Three nodes on one host, 6 partitions, replication factor 3, min.insync.replicas 2, default timeouts:\n\n${comparison.format('Millrace', ['Apache Kafka'])}\n`,
  )
}
