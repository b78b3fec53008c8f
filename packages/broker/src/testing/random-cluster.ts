import {
  AlterPartitionReassignments,
  AssignReplicasToDirs,
  ControllerRegistration,
  CreatePartitions,
  DeleteTopics,
  ElectLeaders,
  UnregisterBroker,
} from '@millrace/protocol'
import { seededRandom } from '@millrace/protocol/internal'
import type { MetadataRecord } from '../controller/metadata-record.ts'
import { expiredSessions, periodicInputs } from '../controller/periodic-decisions.ts'
import { ControllerScenario, directoryOf } from './controller-scenario.ts'

const maxBrokers = 5
const maxTopics = 4

/** For tests: a controller that gets one random input after the other, sensible ones and others. */
export class RandomCluster {
  readonly scenario: ControllerScenario
  /** What the last step did, for the message of a test that fails. */
  last = ''
  /** Replicas of which the last step said that they are in sync, and was believed. */
  joined: { readonly partition: string; readonly brokerIds: readonly number[] } | null = null
  readonly #below: (bound: number) => number
  readonly #steps: readonly (() => readonly MetadataRecord[])[]

  constructor(seed: number) {
    this.#below = seededRandom(seed).below
    this.scenario = new ControllerScenario([1, 2, 3], { 'broker.session.timeout.ms': '9000' }, this.#below)
    this.#steps = [
      ...Array(6).fill(() => this.#heartbeat()),
      ...Array(6).fill(() => this.#alterPartition()),
      ...Array(2).fill(() => this.#register()),
      ...Array(2).fill(() => this.#passTime()),
      ...Array(2).fill(() => this.#reassign()),
      () => this.#createTopic(),
      () => this.#change(),
      () => this.#elect(),
      () => this.#configure(),
      () => this.#assignDirectories(),
      () => this.#feature(),
    ]
    this.#createTopic()
  }

  /** The records that the step decided. */
  step(): readonly MetadataRecord[] {
    this.joined = null
    return this.#pick(this.#steps)()
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#below(list.length)]!
  }

  #some<T>(list: readonly T[]): T[] {
    return list.filter(() => this.#below(2) === 0)
  }

  #brokerIds(): number[] {
    return [...this.scenario.image.brokers()].map(({ id }) => id)
  }

  #anyBrokers(): number[] {
    const shuffled = Array.from({ length: maxBrokers }, (_, index) => index + 1).sort(() => this.#below(3) - 1)
    return shuffled.slice(0, 1 + this.#below(4))
  }

  #topic(): string | null {
    const names = [...this.scenario.image.topics()].map(({ name }) => name)
    return names.length === 0 ? null : this.#pick(names)
  }

  #heartbeat(): readonly MetadataRecord[] {
    const brokerId = this.#pick(this.#brokerIds())
    const kind = this.#below(10)
    const { epoch } = this.scenario.image.broker(brokerId)!
    const more = {
      ...(kind === 0 ? { wantFence: true } : {}),
      ...(kind === 1 ? { wantShutDown: true } : {}),
      ...(kind === 2 ? { brokerEpoch: epoch - 1 } : {}),
      ...(kind === 3 ? { currentMetadataOffset: epoch - 1 } : {}),
      ...(kind === 4 ? { offlineLogDirs: [directoryOf(brokerId, 1)] } : {}),
    }
    this.last = `heartbeat of ${brokerId} ${JSON.stringify(more)}`
    return this.scenario.heartbeat(brokerId, more).decided
  }

  #register(): readonly MetadataRecord[] {
    const brokerId = 1 + this.#below(maxBrokers)
    const before = this.scenario.image.broker(brokerId)
    const clean = this.#below(2) === 0
    const more = {
      previousBrokerEpoch: clean && before ? before.epoch : -1,
      logDirs: [directoryOf(brokerId), ...(this.#below(2) === 0 ? [directoryOf(brokerId, 1)] : [])],
      ...(before && this.#below(4) === 0 ? { incarnationId: before.incarnationId } : {}),
    }
    this.last = `registration of ${brokerId} ${JSON.stringify(more)}`
    return this.scenario.register(brokerId, more).decided
  }

  #passTime(): readonly MetadataRecord[] {
    this.scenario.advance(this.#below(6000))
    const inputs = [expiredSessions({ fenced: () => {} }), ...periodicInputs(this.scenario.state.config, { elected: () => {} })]
    const input = this.#pick(inputs)
    this.last = `time: ${input.again?.name}`
    const first = this.scenario.run(input).decided
    return [...first, ...this.scenario.run(input).decided]
  }

  #alterPartition(): readonly MetadataRecord[] {
    const topic = this.#topic()
    if (topic === null) return []
    const { leader, leaderEpoch, partitionEpoch, replicas, leaderRecoveryState } = this.scenario.partition(topic)
    const isr = [...new Set([...(this.#below(10) > 0 ? [leader] : []), ...this.#some(replicas)])]
    const kind = this.#below(8)
    const more = {
      ...(kind === 0 ? { leaderEpoch: leaderEpoch - 1 + this.#below(3) } : {}),
      ...(kind === 1 ? { partitionEpoch: partitionEpoch - 1 + this.#below(3) } : {}),
      ...(kind === 2 ? { newIsrWithEpochs: isr.map(brokerId => ({ brokerId, brokerEpoch: this.#below(2) - 1 })) } : {}),
      ...(leaderRecoveryState === 1 && kind !== 3 ? { leaderRecoveryState: 0 } : {}),
    }
    this.last = `in-sync set of ${topic}: ${isr} ${JSON.stringify(more)}`
    if (leader < 0) return []
    const { decided } = this.scenario.alterPartition(topic, isr, more)
    if (decided.length > 0) this.joined = { partition: `${this.scenario.image.topic(topic)!.topicId}-0`, brokerIds: isr }
    return decided
  }

  #reassign(): readonly MetadataRecord[] {
    const name = this.#topic() ?? 'x'
    const replicas = this.#below(4) === 0 ? null : this.#anyBrokers()
    this.last = `reassignment of ${name} to ${replicas}`
    return this.scenario.decide(AlterPartitionReassignments, {
      timeoutMs: 0,
      allowReplicationFactorChange: this.#below(4) > 0,
      topics: [{ name, partitions: [{ partitionIndex: 0, replicas }] }],
    }).decided
  }

  #createTopic(): readonly MetadataRecord[] {
    if ([...this.scenario.image.topics()].length >= maxTopics) return []
    const name = `t${this.#below(100)}`
    const min = 1 + this.#below(3)
    this.last = `creation of ${name}`
    return this.scenario.create(name, {
      replicationFactor: 1 + this.#below(3),
      configs: [{ name: 'min.insync.replicas', value: String(min) }],
    }).decided
  }

  #change(): readonly MetadataRecord[] {
    const name = this.#topic() ?? 'x'
    const kind = this.#below(6)
    if (kind === 0) {
      this.last = `deletion of ${name}`
      return this.scenario.decide(DeleteTopics, { topics: [], topicNames: [name], timeoutMs: 0 }, 5).decided
    }
    if (kind === 1) {
      const brokerId = 1 + this.#below(maxBrokers)
      if (this.#brokerIds().length < 4) return []
      this.last = `unregistration of ${brokerId}`
      return this.scenario.decide(UnregisterBroker, { brokerId }).decided
    }
    if (kind === 2) {
      this.last = 'a controller'
      const request = { incarnationId: this.scenario.state.newUuid(), zkMigrationReady: false, listeners: [], features: [] }
      return this.scenario.decide(ControllerRegistration, { controllerId: this.#below(3), ...request }).decided
    }
    this.last = `partitions of ${name}`
    const topics = [{ name, count: (this.scenario.image.topic(name)?.partitions.length ?? 0) + 1, assignments: null }]
    return this.scenario.decide(CreatePartitions, { topics, timeoutMs: 0, validateOnly: false }).decided
  }

  #elect(): readonly MetadataRecord[] {
    const electionType = this.#below(2)
    this.last = `election of type ${electionType}`
    return this.scenario.decide(ElectLeaders, { electionType, topicPartitions: null, timeoutMs: 0 }).decided
  }

  #configure(): readonly MetadataRecord[] {
    const topic = this.#topic()
    const [name, value] = this.#pick([
      ['unclean.leader.election.enable', String(this.#below(2) === 0)],
      ['min.insync.replicas', String(1 + this.#below(3))],
    ])
    const isCluster = topic === null || this.#below(3) === 0
    this.last = `${name}=${value} of ${isCluster ? 'the cluster' : topic}`
    return this.scenario.alterConfigs(isCluster ? 4 : 2, isCluster ? '' : topic, [[name!, 0, value!]]).decided
  }

  #assignDirectories(): readonly MetadataRecord[] {
    const topic = this.#topic()
    if (topic === null) return []
    const { topicId, partitions } = this.scenario.image.topic(topic)!
    const partitionIndex = this.#below(partitions.length)
    const brokerId = this.#pick(partitions[partitionIndex]!.replicas)
    const id = directoryOf(brokerId, this.#below(2))
    this.last = `directory ${id} of ${topic}-${partitionIndex} on ${brokerId}`
    return this.scenario.decide(AssignReplicasToDirs, {
      brokerId,
      brokerEpoch: this.scenario.image.broker(brokerId)?.epoch ?? -1,
      directories: [{ id, topics: [{ topicId, partitions: [{ partitionIndex }] }] }],
    }).decided
  }

  /** Eligible leader replicas are turned off and on. */
  #feature(): readonly MetadataRecord[] {
    if (this.#below(5) > 0) return []
    const featureLevel = this.#below(2)
    this.last = `eligible leader replicas: ${featureLevel}`
    const record: MetadataRecord = {
      type: 'FeatureLevelRecord',
      value: { name: 'eligible.leader.replicas.version', featureLevel },
    }
    this.scenario.write([record])
    return [record]
  }
}
