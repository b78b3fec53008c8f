import { accessSync, constants, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseProperties } from '@millrace/runtime'

/** Name of the file in a broker's folder that says whose it is. */
const metaProperties = 'meta.properties'

/**
 * Where the job keeps what lasts: `node/`, the broker's data, or `cluster/`, that of several, and `state/`, that of the pipeline. State belongs to the records of one cluster: its id is kept beside it, so
 * that it never goes on over another one's.
 */
export class DataFolder {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  get node(): string {
    return join(this.path, 'node')
  }

  /** Of several brokers: `node-K/` in it for each. */
  get cluster(): string {
    return join(this.path, 'cluster')
  }

  /** Brokers that it was made for; null: it is new. */
  get brokers(): number | null {
    if (existsSync(join(this.node, metaProperties))) return 1
    let nodes = 0
    while (existsSync(join(this.cluster, `node-${nodes + 1}`, 'server.properties'))) nodes++
    return nodes || null
  }

  get state(): string {
    return join(this.path, 'state')
  }

  /** Makes the folder. Throws an Error with one line that says what to do when it can't be written or is not this job's. */
  open(): void {
    const { path } = this
    try {
      makeDirectory(path)
      accessSync(path, constants.W_OK | constants.X_OK)
    } catch (error) {
      throw new Error(
        `The data folder ${path} can't be written (${(error as NodeJS.ErrnoException).code}): choose another with --data DIR`,
      )
    }
    if (existsSync(join(path, metaProperties)))
      throw new Error(`${path} is the data folder of another Kafka node: choose another with --data DIR`)
    const [ofNode, ofState] = [this.#nodeCluster(), this.#stateCluster()]
    if (ofState === null || ofNode === ofState) return
    throw new Error(
      ofNode === null
        ? `${this.state} belongs to the cluster ${ofState}, whose broker is not in ${this.#brokersFolder}: delete ${path} to start over, or choose another with --data DIR`
        : `${this.#brokersFolder} belongs to the cluster ${ofNode} and ${this.state} to the cluster ${ofState}: delete ${path} to start over, or choose another with --data DIR`,
    )
  }

  /** From now on the state is that of this cluster. */
  bind(clusterId: string): void {
    mkdirSync(this.state, { recursive: true })
    if (this.#stateCluster() === null) writeFileSync(this.#clusterFile, `${clusterId}\n`)
  }

  get #brokersFolder(): string {
    return existsSync(this.cluster) ? this.cluster : this.node
  }

  #nodeCluster(): string | null {
    const file = join(this.#brokersFolder === this.node ? this.node : join(this.cluster, 'node-1', 'data'), metaProperties)
    return existsSync(file) ? (parseProperties(readFileSync(file, 'utf8')).get('cluster.id') ?? null) : null
  }

  #stateCluster(): string | null {
    return existsSync(this.#clusterFile) ? readFileSync(this.#clusterFile, 'utf8').trim() || null : null
  }

  get #clusterFile(): string {
    return join(this.state, 'cluster-id')
  }
}

/** One level at a time: Node's own recursion never ends where the system says ENOENT whatever is there, as below /proc. */
function makeDirectory(path: string): void {
  if (existsSync(path)) {
    if (statSync(path).isDirectory()) return
    throw Object.assign(new Error(`${path} is no folder`), { code: 'ENOTDIR' })
  }
  const parent = dirname(path)
  if (parent !== path) makeDirectory(parent)
  try {
    mkdirSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}
