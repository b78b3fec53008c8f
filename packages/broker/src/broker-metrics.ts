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
import { counters, gauges, requestDuration } from './broker-metric-declarations.ts'

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
