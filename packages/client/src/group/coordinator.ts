import { type Api, ErrorCode, type KafkaError } from '@millrace/protocol'
import type { Timer } from '@millrace/runtime'
import type { Cluster } from '../cluster.ts'
import { isRetriable } from '../errors.ts'
import type { Body, RequestOptions } from '../network/connection.ts'
import type { Purpose } from '../network/connection-pool.ts'
import type { BrokerNode } from '../network/metadata.ts'

/** How often it is looked whether a group has gone elsewhere. */
const lookMs = 5_000

/** The broker that keeps a group: found when needed, forgotten when it says that it is not the one or can't be reached. */
export class Coordinator {
  readonly groupId: string
  readonly #cluster: Cluster
  #node: BrokerNode | undefined
  #finding: Promise<BrokerNode> | undefined

  constructor(cluster: Cluster, groupId: string) {
    this.#cluster = cluster
    this.groupId = groupId
  }

  /**
   * One attempt, on a connection of its own: a join that waits for others holds up nothing else. `purpose`: another connection, for what must not wait
   * behind such a join either.
   */
  async request<Request, Response>(
    api: Api<Request, Response>,
    body: Body<Request>,
    options?: RequestOptions,
    purpose: Purpose = 'coordinator',
  ): Promise<Response> {
    const node = await this.#find()
    try {
      return await this.#cluster.request(node, purpose, api, body, options)
    } catch (error) {
      if (isRetriable(error)) this.#forget(node)
      throw error
    }
  }

  /**
   * One attempt of a request that may be out for minutes, as a join waits for other members. A coordinator that hangs or is cut off tells nobody that the
   * group has gone elsewhere: so that is looked for meanwhile, and the request given up when it is so.
   */
  async requestPatiently<Request, Response>(
    api: Api<Request, Response>,
    body: Body<Request>,
    options: RequestOptions,
  ): Promise<Response> {
    const node = await this.#find()
    const { clock } = this.#cluster.world
    let timer: Timer | undefined
    let isOver = false
    const look = async () => {
      const found = await this.#cluster.findCoordinator(this.groupId).catch(() => node)
      if (isOver) return
      if (found.nodeId !== node.nodeId) this.#cluster.pool.open(node, 'coordinator')?.close()
      else timer = clock.timer(lookMs, look)
    }
    timer = clock.timer(lookMs, look)
    try {
      return await this.request(api, body, options)
    } finally {
      isOver = true
      timer?.cancel()
    }
  }

  /** Call it for an error code in an answer: forgets the node if the code says that it is the wrong one. */
  check(error: KafkaError): void {
    const { NOT_COORDINATOR, COORDINATOR_NOT_AVAILABLE } = ErrorCode
    if (error.errorCode === NOT_COORDINATOR || error.errorCode === COORDINATOR_NOT_AVAILABLE) this.#node = undefined
  }

  #find(): Promise<BrokerNode> {
    if (this.#node) return Promise.resolve(this.#node)
    this.#finding ??= this.#cluster
      .findCoordinator(this.groupId)
      .then(node => {
        this.#node = node
        return node
      })
      .finally(() => {
        this.#finding = undefined
      })
    return this.#finding
  }

  #forget(node: BrokerNode): void {
    if (this.#node === node) this.#node = undefined
  }
}
