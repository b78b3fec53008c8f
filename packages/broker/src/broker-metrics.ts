import { ErrorCode, errorOf } from '@millrace/protocol'
import {
  type CountedSeries,
  type MetricDeclaration,
  type MetricFamily,
  type Metrics,
  MetricsRegistry,
  metricsOf,
  type Reading,
  type SeriesOf,
  type TimedSeries,
} from '@millrace/runtime'

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
  isrShrinks: {
    kind: 'counter',
    name: 'millrace.broker.isr.shrinks',
    unit: '{change}',
    attributes: [],
    description: 'In-sync sets of partitions led here that lost a replica',
  },
  isrExpands: {
    kind: 'counter',
    name: 'millrace.broker.isr.expands',
    unit: '{change}',
    attributes: [],
    description: 'In-sync sets of partitions led here that got one back',
  },
  elections: {
    kind: 'counter',
    name: 'millrace.controller.elections',
    unit: '{election}',
    attributes: ['election.type'],
    description: 'Leaders of partitions that changed while this node was the active controller (`clean`, `unclean`)',
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
  replicas: {
    kind: 'gauge',
    name: 'millrace.broker.replicas',
    unit: '{partition}',
    attributes: ['node.id'],
    description: 'Partitions of which this broker holds a replica, led or followed',
  },
  underReplicatedPartitions: {
    kind: 'gauge',
    name: 'millrace.broker.partitions.under_replicated',
    unit: '{partition}',
    attributes: ['node.id'],
    description: 'Partitions led here with fewer replicas in sync than they have',
  },
  underMinIsrPartitions: {
    kind: 'gauge',
    name: 'millrace.broker.partitions.under_min_isr',
    unit: '{partition}',
    attributes: ['node.id'],
    description: 'Partitions led here with fewer replicas in sync than `min.insync.replicas`: they refuse acks=all',
  },
  atMinIsrPartitions: {
    kind: 'gauge',
    name: 'millrace.broker.partitions.at_min_isr',
    unit: '{partition}',
    attributes: ['node.id'],
    description: 'Partitions led here with just as many replicas in sync as `min.insync.replicas`: one more loss stops acks=all',
  },
  replicaLag: {
    kind: 'gauge',
    name: 'millrace.broker.replica.lag',
    unit: '{record}',
    attributes: ['node.id'],
    description: 'The most records that a partition followed here lacks of what is committed',
  },
  groupLag: {
    kind: 'gauge',
    name: 'millrace.broker.group.lag',
    unit: '{record}',
    attributes: ['node.id', 'group', 'topic'],
    description:
      'High watermarks less committed offsets of a group coordinated here, where all committed partitions of the topic are on this broker',
  },
  leaderlessPartitions: {
    kind: 'gauge',
    name: 'millrace.cluster.partitions.leaderless',
    unit: '{partition}',
    attributes: ['node.id'],
    description: 'Partitions of the whole cluster without a leader, as this node knows it',
  },
  fencedBrokers: {
    kind: 'gauge',
    name: 'millrace.cluster.brokers.fenced',
    unit: '{broker}',
    attributes: ['node.id'],
    description: 'Registered brokers that may lead nothing, as this node knows it',
  },
  activeControllers: {
    kind: 'gauge',
    name: 'millrace.controller.active',
    unit: '{controller}',
    attributes: ['node.id'],
    description: '1 on the active controller, 0 elsewhere: the sum over the cluster is 1',
  },
  raftEpoch: {
    kind: 'gauge',
    name: 'millrace.raft.epoch',
    unit: '{epoch}',
    attributes: ['node.id'],
    description: 'Epoch of the quorum: grows with each election of an active controller',
  },
  metadataOffset: {
    kind: 'gauge',
    name: 'millrace.metadata.offset',
    unit: '{record}',
    attributes: ['node.id'],
    description: 'Offset of the last metadata record that this node has applied',
  },
  logSize: {
    kind: 'gauge',
    name: 'millrace.broker.log.size',
    unit: 'By',
    attributes: ['node.id', 'topic'],
    description: 'Bytes of the logs on this broker',
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
  gauges.logSize,
  gauges.partitions,
  gauges.replicas,
  gauges.offlinePartitions,
  gauges.offlineLogDirectories,
  gauges.underReplicatedPartitions,
  gauges.underMinIsrPartitions,
  gauges.atMinIsrPartitions,
  gauges.replicaLag,
  counters.isrShrinks,
  counters.isrExpands,
  counters.rebalances,
  gauges.groupLag,
  gauges.leaderlessPartitions,
  gauges.fencedBrokers,
  gauges.activeControllers,
  counters.elections,
  gauges.raftEpoch,
  gauges.metadataOffset,
]

type Gauge = keyof typeof gauges

/** Where the gauges read their values: called at each collection only. What is left out is not shown. */
export type BrokerReadings = { readonly [Name in Gauge]?: () => Reading }

/** The series of one API, made once: a request looks nothing up by text. */
interface ApiSeries {
  readonly answered: CountedSeries
  readonly duration: TimedSeries
  readonly failed: Map<number, CountedSeries>
  readonly partitionsFailed: Map<number, CountedSeries>
}

/**
 * What a broker tells about itself: per request, batch and chunk of the network, never per record. One for each broker, made as it starts, so
 * that an SDK that was installed before is the one that is told.
 */
export class BrokerMetrics {
  readonly #registry: MetricsRegistry
  readonly #counters: { readonly [Name in keyof typeof counters]: SeriesOf<CountedSeries> }
  readonly #requestDuration: SeriesOf<TimedSeries>
  readonly #received: CountedSeries
  readonly #transmitted: CountedSeries
  /** Index = API key. */
  readonly #apis: (ApiSeries | undefined)[] = []

  constructor(metrics: Metrics = metricsOf('@millrace/broker', '0.1.0')) {
    const registry = new MetricsRegistry(metrics)
    this.#registry = registry
    this.#counters = {
      requests: registry.counter(counters.requests),
      partitionErrors: registry.counter(counters.partitionErrors),
      refusedRequests: registry.counter(counters.refusedRequests),
      refusedConnections: registry.counter(counters.refusedConnections),
      network: registry.counter(counters.network),
      appendedBytes: registry.counter(counters.appendedBytes),
      appendedRecords: registry.counter(counters.appendedRecords),
      fetchedBytes: registry.counter(counters.fetchedBytes),
      rebalances: registry.counter(counters.rebalances),
      isrShrinks: registry.counter(counters.isrShrinks),
      isrExpands: registry.counter(counters.isrExpands),
      elections: registry.counter(counters.elections),
    }
    this.#requestDuration = registry.histogram(requestDuration)
    this.#received = this.#counters.network.of({ 'network.io.direction': 'receive' })
    this.#transmitted = this.#counters.network.of({ 'network.io.direction': 'transmit' })
  }

  /** Reads the gauges at each collection, for this node, until the function that it returns is called. */
  observe(nodeId: number, readings: BrokerReadings): () => void {
    const common = Object.freeze({ 'node.id': nodeId })
    const stops: (() => void)[] = []
    for (const [name, declaration] of Object.entries(gauges) as [Gauge, MetricDeclaration][]) {
      const read = readings[name]
      if (read !== undefined) stops.push(this.#registry.gauge(declaration, common, read))
    }
    return () => {
      for (const stop of stops) stop()
    }
  }

  /** Every metric with the values of now. */
  families(): Iterable<MetricFamily> {
    return this.#registry.families()
  }

  /** `errorCode`: of the answer as a whole, NONE where its parts have codes of their own. */
  answered(api: { readonly key: number; readonly name: string }, errorCode: number, durationMs: number): void {
    const series = this.#seriesOf(api)
    if (errorCode === ErrorCode.NONE) series.answered.add(1)
    else failedSeries(series.failed, this.#counters.requests, api.name, errorCode).add(1)
    series.duration.record(durationMs)
  }

  partitionFailed(api: { readonly key: number; readonly name: string }, errorCode: number): void {
    failedSeries(this.#seriesOf(api).partitionsFailed, this.#counters.partitionErrors, api.name, errorCode).add(1)
  }

  requestRefused(): void {
    this.#counters.refusedRequests.of().add(1)
  }

  connectionRefused(): void {
    this.#counters.refusedConnections.of().add(1)
  }

  received(bytes: number): void {
    this.#received.add(bytes)
  }

  transmitted(bytes: number): void {
    this.#transmitted.add(bytes)
  }

  rebalanceBegun(): void {
    this.#counters.rebalances.of().add(1)
  }

  /** The controller has committed an in-sync set without a replica that was in it. */
  isrShrunk(): void {
    this.#counters.isrShrinks.of().add(1)
  }

  isrExpanded(): void {
    this.#counters.isrExpands.of().add(1)
  }

  /** The active controller gave a partition another leader. */
  leaderElected(type: 'clean' | 'unclean'): void {
    this.#counters.elections.of({ 'election.type': type }).add(1)
  }

  /** For who keeps it as long as the topic is there. */
  ofTopic(topic: string): TopicMetrics {
    const { appendedBytes, appendedRecords, fetchedBytes } = this.#counters
    return new TopicMetrics(appendedBytes.of({ topic }), appendedRecords.of({ topic }), fetchedBytes.of({ topic }))
  }

  /** Series of topics that are no more are shown no longer. */
  keepTopics(isKept: (topic: string) => boolean): void {
    const { appendedBytes, appendedRecords, fetchedBytes } = this.#counters
    for (const family of [appendedBytes, appendedRecords, fetchedBytes]) family.keep(({ topic }) => isKept(String(topic)))
  }

  #seriesOf({ key, name }: { readonly key: number; readonly name: string }): ApiSeries {
    return (this.#apis[key] ??= {
      answered: this.#counters.requests.of({ api: name }),
      duration: this.#requestDuration.of({ api: name }),
      failed: new Map(),
      partitionsFailed: new Map(),
    })
  }
}

/** The traffic of one topic, counted per batch and answer. */
export class TopicMetrics {
  readonly #appendedBytes: CountedSeries
  readonly #appendedRecords: CountedSeries
  readonly #fetchedBytes: CountedSeries

  constructor(appendedBytes: CountedSeries, appendedRecords: CountedSeries, fetchedBytes: CountedSeries) {
    this.#appendedBytes = appendedBytes
    this.#appendedRecords = appendedRecords
    this.#fetchedBytes = fetchedBytes
  }

  appended({ sizeInBytes, recordCount }: { readonly sizeInBytes: number; readonly recordCount: number }): void {
    this.#appendedBytes.add(sizeInBytes)
    this.#appendedRecords.add(recordCount)
  }

  fetched(bytes: number): void {
    this.#fetchedBytes.add(bytes)
  }
}

/** Kafka's errors are few: one series each. */
function failedSeries(
  known: Map<number, CountedSeries>,
  counter: SeriesOf<CountedSeries>,
  api: string,
  errorCode: number,
): CountedSeries {
  let series = known.get(errorCode)
  if (series === undefined) known.set(errorCode, (series = counter.of({ api, 'error.type': errorOf(errorCode).code })))
  return series
}
