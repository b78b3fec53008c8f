import type { Api, Draft } from '@millrace/protocol'
import { type SimulatedMachine, SimulatedUniverse } from '@millrace/testkit'
import type { PeerChannel, PeerRequestOptions } from '../../channel/peer-channel.ts'
import { PeerError } from '../../channel/peer-error.ts'
import { Leader } from '../../partition/leader.ts'
import type { ControllerClient, PeerBrokers } from '../../services.ts'
import { ReplicaNode } from './replica-node.ts'
import { type ControllerImage, TestController } from './test-controller.ts'

export interface ReplicaClusterOptions {
  readonly seed: number
  readonly nodes?: number
  readonly minIsr?: number
  /** Mean of the time that a message is on its way. */
  readonly latencyMs?: number
  /** Between 0 and 1: part of the messages between brokers that are lost. */
  readonly loss?: number
  readonly properties?: Readonly<Record<string, string>>
  readonly topicConfig?: Readonly<Record<string, string>>
}

type Body<Request> = Draft<Request> | ((version: number) => Draft<Request>)

const fetchVersion = 17
const listOffsetsVersion = 10

/** For tests: brokers with logs on simulated disks, on virtual time, and a controller that decides at once and is heard of late. */
export class ReplicaCluster {
  readonly universe: SimulatedUniverse
  readonly controller: TestController
  readonly nodes = new Map<number, ReplicaNode>()
  /** Pairs `from>to` between which nothing passes. Node 0 is the controller. */
  readonly cuts = new Set<string>()
  loss: number
  readonly #options: ReplicaClusterOptions
  readonly #published: ControllerImage[] = []

  constructor(options: ReplicaClusterOptions) {
    this.#options = options
    this.loss = options.loss ?? 0
    this.universe = new SimulatedUniverse(options.seed)
    this.controller = new TestController(image => this.#publish(image))
    for (let id = 1; id <= (options.nodes ?? 3); id++) this.start(id, true)
  }

  get nowMs(): number {
    return this.universe.scheduler.nowMs
  }

  machine(id: number): SimulatedMachine {
    return this.universe.machine(`broker-${id}`)
  }

  node(id: number): ReplicaNode {
    return this.nodes.get(id)!
  }

  /** The leader of a partition as the controller knows it, if its broker knows it too. */
  leader(partition = 0): Leader | null {
    const { leader, leaderEpoch } = this.controller.partition(partition)
    const found = this.nodes.get(leader)?.partitions.replica('t', partition)
    return found instanceof Leader && found.leaderEpoch === leaderEpoch && found.lostCode === 0 ? found : null
  }

  /** Registers and opens a process on the machine. `isClean`: nothing that was written is lost. */
  start(id: number, isClean: boolean): void {
    const world = this.machine(id).boot()
    world.disk.makeDirectory('/data')
    const brokerEpoch = this.controller.register(id, isClean)
    const { minIsr = 1, properties = {}, topicConfig = {} } = this.#options
    const node = new ReplicaNode({
      world,
      id,
      image: this.controller.image,
      brokerEpoch,
      minIsr,
      properties: new Map(Object.entries(properties)),
      topicConfig: new Map(Object.entries(topicConfig)),
      peers: this.#peersOf(id),
      controller: this.#controllerOf(id),
    })
    this.nodes.set(id, node)
    this.controller.unfence(id)
  }

  kill(id: number): void {
    this.nodes.delete(id)
    this.machine(id).kill()
  }

  losePower(id: number): void {
    this.nodes.delete(id)
    this.machine(id).losePower()
  }

  isRunning(id: number): boolean {
    return this.nodes.has(id)
  }

  /** Runs for so long, or until `done`. Says whether `done` was reached. */
  run(forMs: number, done?: () => boolean, afterEach?: () => void): Promise<boolean> {
    const untilMs = this.nowMs + forMs
    return this.universe.scheduler.run({ untilMs, ...(done ? { done } : {}), ...(afterEach ? { afterEach } : {}) })
  }

  /** Each broker hears of every image, in order, each after a time of its own. */
  #publish(image: ControllerImage): void {
    this.#published.push(image)
    for (const [id, node] of this.nodes) this.#tell(id, node, image, 1)
  }

  #tell(id: number, node: ReplicaNode, image: ControllerImage, delays: number): void {
    this.universe.scheduler.after(this.#latencyMs * delays, () => {
      if (this.nodes.get(id) !== node) return
      if (this.cuts.has(`0>${id}`)) this.#tell(id, node, image, 10)
      // An image says everything: one that is overtaken is not needed.
      else if (image === this.#published.at(-1)) node.apply(image)
    })
  }

  get #latencyMs(): number {
    return this.universe.random.exponential(this.#options.latencyMs ?? 1)
  }

  #peersOf(from: number): PeerBrokers {
    return { channel: to => this.#channel(from, to) as unknown as PeerChannel }
  }

  #channel(from: number, to: number): Pick<PeerChannel, 'request' | 'close'> {
    let isClosed = false
    return {
      request: async <Request, Response>(api: Api<Request, Response>, body: Body<Request>, options?: PeerRequestOptions) => {
        const version = api.name === 'Fetch' ? fetchVersion : listOffsetsVersion
        const content = (typeof body === 'function' ? (body as (version: number) => unknown)(version) : body) as Request
        const response = await this.#exchange(from, to, options?.timeoutMs ?? 2000, node => node.serve(api, version, content))
        if (isClosed) throw new PeerError('PEER_CLOSED', 'closed')
        return response
      },
      close: () => {
        isClosed = true
      },
    }
  }

  #controllerOf(from: number): ControllerClient {
    return {
      request: async (_api, _version, request) => {
        await this.#travel(from, 0)
        const response = this.controller.alterPartition(request as never) as never
        await this.#travel(0, from)
        return response
      },
    }
  }

  /** A request and its answer, each of which may be lost; then the time is waited out. */
  async #exchange<T>(from: number, to: number, timeoutMs: number, serve: (node: ReplicaNode) => Promise<T>): Promise<T> {
    const { scheduler } = this.universe
    return new Promise<T>((resolve, reject) => {
      const late = scheduler.after(timeoutMs, () => reject(new PeerError('PEER_TIMEOUT', 'no answer')))
      const settle = (settled: () => void) => {
        late.cancel()
        settled()
      }
      scheduler.after(this.#latencyMs, () => {
        const node = this.nodes.get(to)
        if (!node || this.#isLost(from, to)) return
        serve(node).then(
          response =>
            scheduler.after(this.#latencyMs, () => {
              if (this.nodes.get(to) === node && !this.#isLost(to, from)) settle(() => resolve(response))
            }),
          error => settle(() => reject(error)),
        )
      })
    })
  }

  async #travel(from: number, to: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.universe.scheduler.after(this.#latencyMs, () =>
        this.cuts.has(`${from}>${to}`) ? reject(new PeerError('PEER_DISCONNECTED', 'cut')) : resolve(),
      )
    })
  }

  #isLost(from: number, to: number): boolean {
    return this.cuts.has(`${from}>${to}`) || this.universe.random.float() < this.loss
  }
}
