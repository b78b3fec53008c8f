import { AlterPartition, ErrorCode, Fetch, ListOffsets } from '@millrace/protocol'
import { messageOf, type World } from '@millrace/runtime'
import type { SeededRandom } from '../world/random.ts'
import type { SimulatedMachine, SimulatedUniverse } from '../world/world.ts'
import { request } from './raw-requests.ts'
import type { SimulatedNode } from './simulated-node.ts'
import type { Targets } from './targets.ts'

const timeoutMs = 1500
const brokerPort = 9092
const controllerPort = 9093
const fetchVersion = 12
const listOffsetsVersion = 5
const alterPartitionVersion = 3
const latest = -1

interface StalePartition {
  readonly node: SimulatedNode
  readonly topic: string
  readonly partition: number
  /** Of the copy on that node. */
  readonly leaderEpoch: number
  readonly logEndOffset: number
  readonly replicas: readonly number[]
}

/**
 * Requests of processes that believe in an epoch that is over, as they arrive when a network or a process comes back: each must be refused, whoever
 * is asked. A copy's epochs only grow as long as its process lives, so that what was over when it was asked still is when it answers.
 */
export class StaleRequests {
  readonly #random: SeededRandom
  readonly #targets: Targets
  readonly #log: (line: string) => void
  readonly #machine: SimulatedMachine
  #world: World | null = null

  constructor(universe: SimulatedUniverse, targets: Targets, log: (line: string) => void) {
    this.#random = universe.random.fork('stale-requests')
    this.#targets = targets
    this.#log = log
    this.#machine = universe.machine('stale')
  }

  /** Sends one, if anything has had two epochs. */
  send(): void {
    this.#world ??= this.#machine.boot()
    const kind = this.#random.pick(['follower', 'reader', 'offsets', 'in-sync set', 'in-sync set'] as const)
    const sent = kind === 'in-sync set' ? this.#alterPartition(this.#world) : this.#askCopy(this.#world, kind)
    sent.catch(error => this.#log(`stale request of a ${kind} failed: ${messageOf(error)}`))
  }

  /** Nothing is sent or waited for any more. */
  end(): void {
    this.#machine.kill()
    this.#world = null
  }

  async #askCopy(world: World, kind: 'follower' | 'reader' | 'offsets'): Promise<void> {
    const copy = this.#copy()
    if (copy === null) return
    const { node, topic, partition, leaderEpoch } = copy
    const { processId } = node.machine
    const currentLeaderEpoch = this.#random.below(leaderEpoch)
    const server = `${node.plan.host}:${brokerPort}`
    const errorCode =
      kind === 'offsets'
        ? await this.#listOffsets(world, server, copy, currentLeaderEpoch)
        : await this.#fetch(world, server, copy, currentLeaderEpoch, kind === 'follower')
    this.#log(`${node.plan.host} answered ${errorCode} to a ${kind} of epoch ${currentLeaderEpoch} of ${topic}-${partition}`)
    if (errorCode === ErrorCode.NONE && node.machine.processId === processId)
      this.#targets.fail(
        `invariant of ${topic}-${partition} on ${node.plan.host}: in epoch ${leaderEpoch} it answered a ${kind} that believes in ${currentLeaderEpoch}`,
      )
  }

  /** A copy that has seen two epochs at least. */
  #copy(): StalePartition | null {
    const { cluster, sight } = this.#targets
    const found: StalePartition[] = []
    for (const { topic, partition, replicas } of sight.partitions() ?? [])
      for (const id of replicas) {
        const node = cluster.node(id)
        const copy = node?.insides.partitions?.replica(topic, partition)
        if (node === undefined || copy === undefined || typeof copy === 'number' || copy.leaderEpoch < 1) continue
        found.push({ node, topic, partition, leaderEpoch: copy.leaderEpoch, logEndOffset: copy.log.writtenOffset, replicas })
      }
    return found.length === 0 ? null : this.#random.pick(found)
  }

  async #fetch(
    world: World,
    server: string,
    { node, topic, partition, logEndOffset, replicas }: StalePartition,
    currentLeaderEpoch: number,
    asFollower: boolean,
  ): Promise<number> {
    const others = replicas.filter(id => id !== node.plan.id)
    const asked = { partition, currentLeaderEpoch, fetchOffset: logEndOffset, lastFetchedEpoch: -1, logStartOffset: 0 }
    const response = await request(world, server, {
      api: Fetch,
      version: fetchVersion,
      body: {
        replicaId: asFollower && others.length > 0 ? this.#random.pick(others) : -1,
        maxWaitMs: 0,
        minBytes: 0,
        maxBytes: 1 << 20,
        sessionEpoch: -1,
        topics: [{ topic, partitions: [{ ...asked, partitionMaxBytes: 1 << 20 }] }],
      },
      timeoutMs,
    })
    return response.errorCode || (response.responses[0]?.partitions[0]?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR)
  }

  async #listOffsets(
    world: World,
    server: string,
    { topic, partition }: StalePartition,
    currentLeaderEpoch: number,
  ): Promise<number> {
    const asked = { partitionIndex: partition, currentLeaderEpoch, timestamp: latest }
    const body = { replicaId: -1, isolationLevel: 0, topics: [{ name: topic, partitions: [asked] }] }
    const response = await request(world, server, { api: ListOffsets, version: listOffsetsVersion, body, timeoutMs })
    return response.topics[0]?.partitions[0]?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR
  }

  /** The partition's leader wants to be in sync alone, and speaks of an epoch of the leader or of the partition that is over. */
  async #alterPartition(world: World): Promise<void> {
    const controller = this.#targets.sight.activeController()
    const metadata = controller?.insides.metadata
    if (controller === null || metadata === undefined) return
    const epochs = new Map([...metadata.brokers()].map(({ id, epoch }) => [id, epoch]))
    const found = [...metadata.topics()].flatMap(({ name, topicId, partitions }) =>
      partitions.flatMap((partition, index) =>
        partition.partitionEpoch > 0 && epochs.has(partition.leader) ? [{ ...partition, name, topicId, index }] : [],
      ),
    )
    if (found.length === 0) return
    const { name, topicId, index, leader, leaderEpoch, partitionEpoch } = this.#random.pick(found)
    const isStaleLeader = leaderEpoch > 0 && this.#random.chance(0.5)
    const change = {
      partitionIndex: index,
      leaderEpoch: isStaleLeader ? leaderEpoch - 1 : leaderEpoch,
      partitionEpoch: partitionEpoch - 1,
      newIsrWithEpochs: [{ brokerId: leader, brokerEpoch: -1 }],
      leaderRecoveryState: 0,
    }
    const response = await request(world, `${controller.plan.host}:${controllerPort}`, {
      api: AlterPartition,
      version: alterPartitionVersion,
      body: { brokerId: leader, brokerEpoch: epochs.get(leader)!, topics: [{ topicId, partitions: [change] }] },
      timeoutMs,
    })
    const errorCode = response.errorCode || (response.topics[0]?.partitions[0]?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR)
    this.#log(`the controller answered ${errorCode} to an in-sync set of epoch ${change.partitionEpoch} of ${name}-${index}`)
    if (errorCode === ErrorCode.NONE)
      this.#targets.fail(
        `invariant of the metadata: the controller took an in-sync set for ${name}-${index} meant for the epochs ${change.leaderEpoch} and ${change.partitionEpoch}, after ${leaderEpoch} and ${partitionEpoch}`,
      )
  }
}
