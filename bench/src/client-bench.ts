import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { startKafka } from './brokers.ts'
import type { ClientFigures } from './clients/driver.ts'
import type { Comparison } from './table.ts'

export interface ClientBenchOptions {
  readonly rounds: number
  readonly records: number
}

const partitions = 6
const port = 29_592
const drivers = [
  ['@platformatic/kafka', 'platformatic.ts'],
  ['kafkajs', 'kafkajs.ts'],
  ['Millrace', 'millrace.ts'],
] as const

/** Each client in a process of its own, in turns, against the same Apache Kafka. */
export async function benchClients(comparison: Comparison, { rounds, records }: ClientBenchOptions): Promise<void> {
  const broker = await startKafka(port)
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [name, file] of drivers) {
        console.error(`round ${round + 1}: ${name}`)
        const topic = `clients-${round}-${file.replace('.ts', '')}`
        await broker.createTopic(topic, partitions)
        add(comparison, name, run(file, broker.bootstrap, topic, records))
      }
    }
  } finally {
    await broker.stop()
  }
}

function run(file: string, bootstrap: string, topic: string, records: number): ClientFigures {
  const result = spawnSync(
    process.execPath,
    [join(import.meta.dirname, 'clients', file), bootstrap, topic, String(partitions), String(records)],
    {
      encoding: 'utf8',
      timeout: 300_000,
    },
  )
  if (result.status !== 0) throw new Error(`${file}: ${result.stdout}${result.stderr}`)
  return JSON.parse(result.stdout.trim().split('\n').at(-1)!)
}

function add(comparison: Comparison, name: string, figures: ClientFigures): void {
  comparison.add(name, 'produce 256 B', figures.producePerSecond, 'records/s', 'more')
  comparison.add(name, 'produce: CPU a record', figures.produceCpuMicros, 'µs', 'less')
  comparison.add(name, 'one awaited send, p50', figures.p50Ms, 'ms', 'less')
  comparison.add(name, 'one awaited send, p99', figures.p99Ms, 'ms', 'less')
  comparison.add(name, 'consume 256 B', figures.consumePerSecond, 'records/s', 'more')
  comparison.add(name, 'consume: CPU a record', figures.consumeCpuMicros, 'µs', 'less')
  comparison.add(name, 'resident memory', figures.residentMiB, 'MiB', 'less')
}
