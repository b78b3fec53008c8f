import { ConfigError, type Logger, nodeWorld, silentLogger, type World } from '@millrace/runtime'
import { resolveSettings, type StreamsOptions, type StreamsSettings } from './config.ts'
import { TableProcessor } from './operators/table-processor.ts'
import type { TableOptions } from './operators/to-table.ts'
import { Instance } from './run/instance.ts'
import type { AppMetrics, AppState, PartitionLag } from './run/status.ts'
import { StoreView } from './run/store-view.ts'
import { Stream, Table } from './rx/stream.ts'
import { json } from './serde/json.ts'
import type { Serde } from './serde/serde.ts'
import { string } from './serde/string.ts'
import { SourceProcessor } from './task/source-processor.ts'
import { describeTopology } from './topology/describe.ts'
import { Graph } from './topology/graph.ts'
import type { TimestampExtractor } from './topology/node.ts'
import { checkTopicName } from './topology/topic-name.ts'
import { type Topology, topologyOf } from './topology/topology.ts'

export interface SourceOptions<K, V> {
  /** Default: text, or the application's default. */
  key?: Serde<K>
  /** Default: JSON, or the application's default. */
  value?: Serde<V>
  /** Event time of a record; default: the record's timestamp. */
  timestamp?: TimestampExtractor<K, V>
}

/** What the engine and the test driver take out of an application. */
export interface BuiltApplication {
  readonly topology: Topology
  readonly graph: Graph
  readonly options: StreamsOptions
  readonly settings: StreamsSettings
  readonly world: World
  readonly logger: Logger
}

/**
 * A stream processing application: say what it does with `stream`, `table` and `pipe`, then `start()`. Start it several times, with one
 * applicationId and different state directories, and the work is spread over the instances.
 */
export class Streams {
  readonly #options: StreamsOptions
  readonly #settings: StreamsSettings
  readonly #graph: Graph
  #instance: Instance | null = null

  /** Throws a ConfigError that names what is wrong. */
  constructor(options: StreamsOptions) {
    this.#settings = resolveSettings(options)
    this.#options = options
    this.#graph = new Graph(options.applicationId, {
      key: options.defaults?.key ?? string(),
      value: options.defaults?.value ?? json(),
    })
  }

  /** The records of a topic, or of several as they come. */
  stream<K = string, V = unknown>(topics: string | readonly string[], options: SourceOptions<K, V> = {}): Stream<K, V> {
    const names = typeof topics === 'string' ? [topics] : topics
    if (names.length === 0) throw new ConfigError('app.stream() without a topic')
    const graph = this.#graph
    const key: Serde<K> = options.key ?? graph.defaults.key
    const value: Serde<V> = options.value ?? graph.defaults.value
    const sources = names.map(topic => {
      checkTopicName(topic)
      return graph.source('KSTREAM-SOURCE', { topic, key, value, timestamp: options.timestamp }, () => new SourceProcessor())
    })
    const node = sources.length === 1 ? sources[0]! : graph.processor('KSTREAM-MERGE', sources, () => new SourceProcessor())
    return new Stream<K, V>(() => ({ graph, node, key, value, rekeyed: false, base: names.join('-') }))
  }

  /**
   * A topic as a table: the latest value of each key, null deletes. The topic is its own changelog, so it should be compacted: what retention deletes is
   * missing when the state has to be rebuilt.
   */
  table<K = string, V = unknown>(
    topic: string,
    options: SourceOptions<K, V> & Omit<TableOptions<K, V>, 'changelog'> = {},
  ): Table<K, V, V | null> {
    checkTopicName(topic)
    const graph = this.#graph
    const key: Serde<K> = options.key ?? graph.defaults.key
    const value: Serde<V> = options.value ?? graph.defaults.value
    const name = options.name ?? topic
    const store = graph.store({ name, key, value, windows: null, retentionMs: 0, sourceTopic: topic, changelogConfig: {} })
    const source = graph.source(
      'KSTREAM-SOURCE',
      { topic, key, value, timestamp: options.timestamp },
      () => new SourceProcessor(),
    )
    const node = graph.processor('KTABLE-SOURCE', [source], context => new TableProcessor(context, store), { stores: [store] })
    return new Table<K, V, V | null>(() => ({ graph, node, key, value, rekeyed: false, base: name, store }))
  }

  /** The topology as text in Kafka Streams' format. */
  describe(): string {
    return describeTopology(topologyOf(this.#graph))
  }

  /**
   * Starts working: resolves when this instance has its first tasks and their state is restored. Rejects when something is missing or does not fit: a topic, the
   * numbers of partitions of a join, the broker.
   */
  async start(): Promise<void> {
    if (this.#instance) throw new ConfigError('start() was called before')
    this.#instance = new Instance(this.build())
    await this.#instance.start()
  }

  /** Finishes what is under way, commits, gives its tasks to other instances. Rejects with what the application failed with, if it did. */
  async close(): Promise<void> {
    await this.#instance?.close()
  }

  /** Resolves when the application has been closed and rejects when it fails: what was not committed then happens again after the next start. */
  get done(): Promise<void> {
    if (!this.#instance) throw new ConfigError('The application has not been started')
    return this.#instance.done
  }

  get state(): AppState {
    return this.#instance?.state ?? 'created'
  }

  /** The part of a store that this instance has: reads see what the stream has done so far. Throws a ConfigError for an unknown name. */
  store<K = any, V = any>(name: string): StoreView<K, V> {
    const topology = topologyOf(this.#graph)
    const spec = topology.subtopologies.flatMap(({ stores }) => stores).find(store => store.name === name)
    if (!spec)
      throw new ConfigError(
        `There is no store ${name}`,
        `there are ${topology.subtopologies.flatMap(({ stores }) => stores.map(store => store.name)).join(', ')}`,
      )
    return new StoreView<K, V>(spec, () => this.#instance?.tasks() ?? [])
  }

  /** Counts of this instance since it started. */
  metrics(): AppMetrics {
    return this.#instance?.metrics() ?? { processed: 0, dropped: 0, late: 0, repeated: 0, commits: 0, tasks: 0, restored: 0 }
  }

  /** How far this instance is in each of its partitions. */
  lag(): PartitionLag[] {
    return this.#instance?.lag() ?? []
  }

  /** @internal For the test driver: the finished topology and what it runs with. */
  build(): BuiltApplication {
    const topology = topologyOf(this.#graph)
    this.#graph.freeze()
    const { world = nodeWorld(), logger = silentLogger } = this.#options
    return { topology, graph: this.#graph, options: this.#options, settings: this.#settings, world, logger }
  }
}
