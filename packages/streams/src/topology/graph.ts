import { ConfigError } from '@millrace/runtime'
import type { Serde } from '../serde/serde.ts'
import type { Processor } from '../task/processor.ts'
import type { TaskContext } from '../task/task-context.ts'
import type { GraphNode, ProcessorNode, SinkNode, SourceNode, TimestampExtractor } from './node.ts'
import type { StoreSpec } from './store-spec.ts'

/** Serdes that are taken where none is given and none is known. */
export interface DefaultSerdes {
  readonly key: Serde<any>
  readonly value: Serde<any>
}

/** Collects nodes while a pipeline is written. Nodes only ever point to earlier ones, so the order of creation is a topological one. */
export class Graph {
  readonly applicationId: string
  readonly defaults: DefaultSerdes
  readonly nodes: GraphNode[] = []
  readonly #stores = new Map<string, StoreSpec>()
  readonly #topicsOfSources = new Map<string, SourceNode>()
  readonly #repartitions = new Set<string>()
  readonly observers = new Map<GraphNode, Set<StreamObserver>>()
  /** Set by what runs the topology: a node got its first observer. */
  whenObserved: ((node: GraphNode, observers: ReadonlySet<StreamObserver>) => void) | null = null
  #frozen = false

  constructor(applicationId: string, defaults: DefaultSerdes) {
    this.applicationId = applicationId
    this.defaults = defaults
  }

  /** After this the topology is what it is. */
  freeze(): void {
    this.#frozen = true
  }

  source(
    label: string,
    options: {
      topic: string
      key: Serde<any>
      value: Serde<any>
      timestamp?: TimestampExtractor<any, any> | undefined
      repartition?: boolean
      parents?: readonly GraphNode[]
      stores?: readonly StoreSpec[]
    },
    create: (context: TaskContext, node: SourceNode) => Processor,
  ): SourceNode {
    if (this.#topicsOfSources.has(options.topic))
      throw new ConfigError(
        `Topic ${options.topic} is already read by this application`,
        'keep the stream or table that app.stream() or app.table() gave, and use it twice',
      )
    const node: SourceNode = {
      kind: 'source',
      name: this.#nameOf(label),
      parents: [],
      stores: options.stores ?? [],
      topic: options.topic,
      repartition: options.repartition ?? false,
      key: options.key,
      value: options.value,
      timestamp: options.timestamp ?? null,
      create: context => create(context, node),
    }
    this.#topicsOfSources.set(options.topic, node)
    return this.#added(node)
  }

  processor(
    label: string,
    parents: readonly GraphNode[],
    create: (context: TaskContext, node: ProcessorNode) => Processor,
    options: { stores?: readonly StoreSpec[]; coPartitioned?: readonly GraphNode[] } = {},
  ): ProcessorNode {
    const node: ProcessorNode = {
      kind: 'processor',
      name: this.#nameOf(label),
      parents,
      stores: options.stores ?? [],
      coPartitioned: options.coPartitioned ?? [],
      keyMustHold: false,
      create: context => create(context, node),
    }
    return this.#added(node)
  }

  sink(
    label: string,
    parent: GraphNode,
    options: { topic: string; key: Serde<any>; value: Serde<any>; repartition?: boolean },
    create: (context: TaskContext, node: SinkNode) => Processor,
  ): SinkNode {
    const node: SinkNode = {
      kind: 'sink',
      name: this.#nameOf(label),
      parents: [parent],
      stores: [],
      repartition: false,
      ...options,
      create: context => create(context, node),
    }
    return this.#added(node)
  }

  /** Someone subscribes to what a node gives. Returns what ends it. */
  observe(node: GraphNode, observer: StreamObserver): () => void {
    let observers = this.observers.get(node)
    if (!observers) {
      this.observers.set(node, (observers = new Set()))
      this.whenObserved?.(node, observers)
    }
    observers.add(observer)
    return () => void observers.delete(observer)
  }

  /** The application has ended, well or not: so have the streams. */
  end(error?: Error): void {
    for (const observers of this.observers.values())
      for (const observer of [...observers]) error ? observer.error(error) : observer.complete()
  }

  /** Declares a store. Two of one name are an error: a name is what the state on disk and in Kafka is found by. */
  store<K, V>(
    spec: Omit<StoreSpec<K, V>, 'changelog' | 'serdeTopic' | 'isSourceTopic'> & { sourceTopic?: string },
  ): StoreSpec<K, V> {
    this.#claim('store', spec.name, this.#stores)
    const { sourceTopic, ...rest } = spec
    const serdeTopic = `${this.applicationId}-${spec.name}-changelog`
    const store: StoreSpec<K, V> = {
      ...rest,
      changelog: sourceTopic ?? serdeTopic,
      serdeTopic,
      isSourceTopic: sourceTopic !== undefined,
    }
    this.#stores.set(spec.name, store)
    return store
  }

  /** The full name of a repartition topic. */
  repartitionTopic(name: string): string {
    this.#claim('repartition topic', name, this.#repartitions)
    this.#repartitions.add(name)
    return `${this.applicationId}-${name}-repartition`
  }

  #claim(what: string, name: string, taken: { has(name: string): boolean }): void {
    checkName(name)
    if (taken.has(name))
      throw new ConfigError(
        `There is already a ${what} named ${name}`,
        "give one of the two operators a name of its own: { name: '…' }",
      )
  }

  #nameOf(label: string): string {
    return `${label}-${String(this.nodes.length).padStart(10, '0')}`
  }

  #added<N extends GraphNode>(node: N): N {
    if (this.#frozen) throw new ConfigError('The application has started', 'a topology is whole before start()')
    this.nodes.push(node)
    return node
  }
}

/** Whoever has subscribed to a stream. */
export interface StreamObserver {
  next(record: unknown): void
  error(error: Error): void
  complete(): void
}

/** Names become parts of topic names. */
export function checkName(name: string): void {
  if (!/^[a-zA-Z0-9._-]{1,180}$/.test(name))
    throw new ConfigError(`Invalid name ${JSON.stringify(name)}`, 'letters, digits, dots, underscores and hyphens, at most 180')
}

/** Marks the plain operators between here and the sources: a later operator finds records by their key. */
export function relyOnKey(node: GraphNode): void {
  if (node.kind === 'processor') node.keyMustHold = true
  for (const parent of node.parents) relyOnKey(parent)
}
