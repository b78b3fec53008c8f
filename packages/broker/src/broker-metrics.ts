import { ErrorCode, errorOf } from '@millrace/protocol'
import { type Metrics, metricsOf } from '@millrace/runtime'

/** One metric: what the README's table says of it is what is told to OpenTelemetry. */
export interface MetricDeclaration {
  readonly kind: 'counter' | 'histogram' | 'gauge'
  readonly name: string
  /** A UCUM code, as OpenTelemetry writes them. */
  readonly unit: string
  readonly attributes: readonly string[]
  readonly description: string
}

const counters = {
  requests: {
    kind: 'counter',
    name: 'millrace.broker.requests',
    unit: '{request}',
    attributes: ['api', 'error.type'],
    description: 'Requests answered; `error.type` when the whole answer is an error',
  },
  partitionErrors: {
    kind: 'counter',
    name: 'millrace.broker.partition.errors',
    unit: '{error}',
    attributes: ['api', 'error.type'],
    description: 'Partitions of Produce and Fetch requests that were answered with an error',
  },
  refusedRequests: {
    kind: 'counter',
    name: 'millrace.broker.requests.refused',
    unit: '{request}',
    attributes: [],
    description: 'Requests that no answer could refuse: their connections were closed',
  },
  refusedConnections: {
    kind: 'counter',
    name: 'millrace.broker.connections.refused',
    unit: '{connection}',
    attributes: [],
    description: 'Connections refused by a limit or while the broker closes',
  },
  network: {
    kind: 'counter',
    name: 'millrace.broker.network.io',
    unit: 'By',
    attributes: ['network.io.direction'],
    description: 'Bytes received from clients and handed to their sockets (`receive`, `transmit`)',
  },
  appendedBytes: {
    kind: 'counter',
    name: 'millrace.broker.log.append.bytes',
    unit: 'By',
    attributes: ['topic'],
    description: 'Bytes of batches appended by producers and coordinators',
  },
  appendedRecords: {
    kind: 'counter',
    name: 'millrace.broker.log.append.records',
    unit: '{record}',
    attributes: ['topic'],
    description: 'Records of these batches',
  },
  fetchedBytes: {
    kind: 'counter',
    name: 'millrace.broker.fetch.bytes',
    unit: 'By',
    attributes: ['topic'],
    description: 'Bytes of batches in answers to fetches',
  },
  rebalances: {
    kind: 'counter',
    name: 'millrace.broker.group.rebalances',
    unit: '{rebalance}',
    attributes: [],
    description: 'Rebalances begun by the group coordinators',
  },
} as const satisfies Record<string, MetricDeclaration>

const requestDuration = {
  kind: 'histogram',
  name: 'millrace.broker.request.duration',
  unit: 'ms',
  attributes: ['api'],
  description: 'From the start of a request to its answer; a fetch or a join includes its wait',
} as const satisfies MetricDeclaration

const gauges = {
  connections: {
    kind: 'gauge',
    name: 'millrace.broker.connections',
    unit: '{connection}',
    attributes: ['node.id'],
    description: 'Open connections of clients',
  },
  requestMemory: {
    kind: 'gauge',
    name: 'millrace.broker.request.memory',
    unit: 'By',
    attributes: ['node.id'],
    description: 'Bytes of requests that are received and not answered',
  },
  partitions: {
    kind: 'gauge',
    name: 'millrace.broker.partitions',
    unit: '{partition}',
    attributes: ['node.id'],
    description: 'Partitions that this broker leads',
  },
  offlinePartitions: {
    kind: 'gauge',
    name: 'millrace.broker.partitions.offline',
    unit: '{partition}',
    attributes: ['node.id'],
    description: 'Partitions that it should lead and whose disk has failed',
  },
  offlineLogDirectories: {
    kind: 'gauge',
    name: 'millrace.broker.log.directories.offline',
    unit: '{directory}',
    attributes: ['node.id'],
    description: 'Directories of `log.dirs` whose disk has failed',
  },
} as const satisfies Record<string, MetricDeclaration>

/** Every metric of a broker, in the order of the README's table. */
export const brokerMetricDeclarations: readonly MetricDeclaration[] = [
  counters.requests,
  requestDuration,
  counters.partitionErrors,
  counters.refusedRequests,
  gauges.requestMemory,
  gauges.connections,
  counters.refusedConnections,
  counters.network,
  counters.appendedBytes,
  counters.appendedRecords,
  counters.fetchedBytes,
  gauges.partitions,
  gauges.offlinePartitions,
  gauges.offlineLogDirectories,
  counters.rebalances,
]

/** Where the gauges read their values: called at each collection only. */
export type BrokerReadings = { readonly [Gauge in keyof typeof gauges]: () => number }

type Counter = ReturnType<Metrics['counter']>
type Histogram = ReturnType<Metrics['histogram']>

/** The sets of attributes of one API, made once: a request allocates none. */
interface ApiAttributes {
  readonly answered: { readonly api: string }
  readonly failed: Map<number, { readonly api: string; readonly 'error.type': string }>
}

const received = Object.freeze({ 'network.io.direction': 'receive' })
const transmitted = Object.freeze({ 'network.io.direction': 'transmit' })

/**
 * What a broker tells about itself: per request, batch and chunk of the network, never per record. One for each broker, made as it starts, so
 * that an SDK that was installed before is the one that is told.
 */
export class BrokerMetrics {
  readonly #metrics: Metrics
  readonly #counters: { readonly [Name in keyof typeof counters]: Counter }
  readonly #requestDuration: Histogram
  /** Index = API key. */
  readonly #apis: (ApiAttributes | undefined)[] = []

  constructor(metrics: Metrics = metricsOf('@millrace/broker', '0.1.0')) {
    this.#metrics = metrics
    const counter = ({ name, unit, description }: MetricDeclaration) => metrics.counter(name, { unit, description })
    this.#counters = {
      requests: counter(counters.requests),
      partitionErrors: counter(counters.partitionErrors),
      refusedRequests: counter(counters.refusedRequests),
      refusedConnections: counter(counters.refusedConnections),
      network: counter(counters.network),
      appendedBytes: counter(counters.appendedBytes),
      appendedRecords: counter(counters.appendedRecords),
      fetchedBytes: counter(counters.fetchedBytes),
      rebalances: counter(counters.rebalances),
    }
    const { name, unit, description } = requestDuration
    this.#requestDuration = metrics.histogram(name, { unit, description })
  }

  /** Reads the gauges at each collection, for this node, until the function that it returns is called. */
  observe(nodeId: number, readings: BrokerReadings): () => void {
    const attributes = Object.freeze({ 'node.id': nodeId })
    const stops: (() => void)[] = []
    for (const gauge of Object.keys(gauges) as (keyof typeof gauges)[]) {
      const { name, unit, description } = gauges[gauge]
      stops.push(this.#metrics.gauge(name, { unit, description }, result => result.observe(readings[gauge](), attributes)))
    }
    return () => {
      for (const stop of stops) stop()
    }
  }

  /** `errorCode`: of the answer as a whole, NONE where its parts have codes of their own. */
  answered(api: { readonly key: number; readonly name: string }, errorCode: number, durationMs: number): void {
    const attributes = this.#attributesOf(api)
    this.#counters.requests.add(1, errorCode === ErrorCode.NONE ? attributes.answered : failedWith(attributes, errorCode))
    this.#requestDuration.record(durationMs, attributes.answered)
  }

  partitionFailed(api: { readonly key: number; readonly name: string }, errorCode: number): void {
    this.#counters.partitionErrors.add(1, failedWith(this.#attributesOf(api), errorCode))
  }

  requestRefused(): void {
    this.#counters.refusedRequests.add(1)
  }

  connectionRefused(): void {
    this.#counters.refusedConnections.add(1)
  }

  received(bytes: number): void {
    this.#counters.network.add(bytes, received)
  }

  transmitted(bytes: number): void {
    this.#counters.network.add(bytes, transmitted)
  }

  rebalanceBegun(): void {
    this.#counters.rebalances.add(1)
  }

  /** For who keeps it as long as the topic is there. */
  ofTopic(topic: string): TopicMetrics {
    const { appendedBytes, appendedRecords, fetchedBytes } = this.#counters
    return new TopicMetrics(topic, appendedBytes, appendedRecords, fetchedBytes)
  }

  #attributesOf({ key, name }: { readonly key: number; readonly name: string }): ApiAttributes {
    return (this.#apis[key] ??= { answered: Object.freeze({ api: name }), failed: new Map() })
  }
}

/** The traffic of one topic, counted per batch and answer. */
export class TopicMetrics {
  readonly #attributes: { readonly topic: string }
  readonly #appendedBytes: Counter
  readonly #appendedRecords: Counter
  readonly #fetchedBytes: Counter

  constructor(topic: string, appendedBytes: Counter, appendedRecords: Counter, fetchedBytes: Counter) {
    this.#attributes = Object.freeze({ topic })
    this.#appendedBytes = appendedBytes
    this.#appendedRecords = appendedRecords
    this.#fetchedBytes = fetchedBytes
  }

  appended({ sizeInBytes, recordCount }: { readonly sizeInBytes: number; readonly recordCount: number }): void {
    this.#appendedBytes.add(sizeInBytes, this.#attributes)
    this.#appendedRecords.add(recordCount, this.#attributes)
  }

  fetched(bytes: number): void {
    this.#fetchedBytes.add(bytes, this.#attributes)
  }
}

/** Kafka's errors are few: one set of attributes each. */
function failedWith(
  { answered, failed }: ApiAttributes,
  errorCode: number,
): { readonly api: string; readonly 'error.type': string } {
  let attributes = failed.get(errorCode)
  if (attributes === undefined) {
    attributes = Object.freeze({ ...answered, 'error.type': errorOf(errorCode).code })
    failed.set(errorCode, attributes)
  }
  return attributes
}
