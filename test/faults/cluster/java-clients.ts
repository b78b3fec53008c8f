import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { History } from '@millrace/testkit'
import { kafkaClassPath } from '../../conformance/kafka-peer.ts'

const recordsPerSecond = 100

/** A client of Apache Kafka that prints what it sees, an event a line. */
class JavaClient {
  /** Resolves with its first event of use. */
  readonly started: Promise<void>
  readonly #child: ChildProcess
  #complaints = ''

  constructor(mainClass: string, args: readonly string[], event: (event: Record<string, unknown>) => boolean) {
    const child = spawn('java', ['-Xmx128m', '-XX:TieredStopAtLevel=1', '-cp', kafkaClassPath(), mainClass, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    child.stderr.setEncoding('utf8').on('data', text => (this.#complaints = (this.#complaints + text).slice(-4000)))
    this.started = new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', line => {
        if (line.startsWith('{') && event(JSON.parse(line))) resolve()
      })
      child.once('exit', code => reject(new Error(`${mainClass} ended with ${code}: ${this.#complaints}`)))
    })
    this.started.catch(() => {})
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }
}

/** Apache Kafka's `producer-verify`: acks=all, idempotent, the numbers from 0 on. */
export class JavaProducer extends JavaClient {
  readonly #history: History
  readonly #topic: string
  readonly #known = new Set<string>()

  constructor(bootstrapServers: string, topic: string, history: History, acknowledged: () => void) {
    const args = [
      '--bootstrap-server',
      bootstrapServers,
      '--topic',
      topic,
      '--throughput',
      String(recordsPerSecond),
      '--acks',
      '-1',
    ]
    super('org.apache.kafka.tools.VerifiableProducer', args, event => {
      if (event['name'] !== 'producer_send_success') return false
      const { partition, offset, value } = event as { partition: number; offset: number; value: string }
      // It tells of a record when that is acknowledged: within a partition in the order of the calls.
      const key = `${topic}-${partition}`
      const operation = history.send('java-producer', key, Number(value))
      operation.outcome = 'ok'
      operation.offset = offset
      this.#known.add(`${key} ${value}`)
      acknowledged()
      return true
    })
    this.#history = history
    this.#topic = topic
  }

  /** Of what was read but never acknowledged nobody has told that it was sent: it is known by its number, and of unknown outcome. */
  declareUnknown(): void {
    const unknown = new Map<string, Set<number>>()
    for (const operation of this.#history.operations) {
      if (operation.kind !== 'poll') continue
      for (const { key, value } of operation.records)
        if (key.startsWith(`${this.#topic}-`) && !this.#known.has(`${key} ${value}`)) {
          const values = unknown.get(key)
          if (values) values.add(value)
          else unknown.set(key, new Set([value]))
        }
    }
    for (const [key, values] of unknown)
      for (const value of [...values].sort((a, b) => a - b))
        this.#history.send(`java-producer, unknown ${key} ${value}`, key, value)
  }
}

interface PartitionEvent {
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[]
}

/** Apache Kafka's `consumer-verify`, a group of one. */
export class JavaConsumer extends JavaClient {
  constructor(bootstrapServers: string, topic: string, history: History, read: (records: number) => void) {
    const process = 'java-consumer'
    const group = 'rig-java'
    const args = [
      '--bootstrap-server',
      bootstrapServers,
      '--topic',
      topic,
      '--group-id',
      group,
      '--reset-policy',
      'earliest',
      '--verbose',
    ]
    super('org.apache.kafka.tools.VerifiableConsumer', args, event => {
      switch (event['name']) {
        case 'partitions_assigned': {
          const { partitions } = event as unknown as PartitionEvent
          history.assign(
            process,
            partitions.map(each => `${each.topic}-${each.partition}`),
          )
          return false
        }
        case 'record_data': {
          const { partition, offset, value } = event as { partition: number; offset: number; value: string }
          history.poll(process, [{ key: `${topic}-${partition}`, offset, value: Number(value) }], group)
          read(1)
          return true
        }
        case 'offsets_committed': {
          const { offsets, success } = event as {
            success: boolean
            offsets: readonly { topic: string; partition: number; offset: number }[]
          }
          for (const { partition, offset } of offsets) {
            const operation = history.commit(group, `${topic}-${partition}`, offset)
            if (success) history.settle(operation)
          }
          return false
        }
        default:
          return false
      }
    })
  }
}
