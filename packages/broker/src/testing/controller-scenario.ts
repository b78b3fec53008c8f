import {
  AlterPartition,
  type Api,
  BrokerHeartbeat,
  BrokerRegistration,
  CreateTopics,
  IncrementalAlterConfigs,
} from '@millrace/protocol'
import { silentLogger } from '@millrace/runtime'
import { readBrokerConfig } from '../config/broker-config.ts'
import { BrokerSessions } from '../controller/broker-sessions.ts'
import { type ControllerInput, ControllerMachine, decisionOf } from '../controller/controller.ts'
import type { ControllerState, Notice } from '../controller/decision.ts'
import { supportedFeatures } from '../controller/features.ts'
import { MetadataImage } from '../controller/image.ts'
import { bootstrapRecords } from '../controller/initial-levels.ts'
import type { MetadataRecord } from '../controller/metadata-record.ts'

export const clusterId = 'MkU3OEVBNTcwNTJENDM2Qg'
/** The log directory of a broker; `number` tells several of one broker apart. */
export const directoryOf = (id: number, number = 0) => `${'D'.repeat(18)}${String(number).padStart(2, '0')}${id}Q`

export const controllerProperties = {
  'process.roles': 'broker,controller',
  'node.id': '1',
  listeners: 'PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093',
  'controller.listener.names': 'CONTROLLER',
  'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
  'controller.quorum.voters': '1@127.0.0.1:9093',
}

/** For tests: the controller's machine on a log that is an array and commits at once, so that what is decided is there for the next decision. */
export class ControllerScenario {
  readonly image = new MetadataImage()
  readonly log: MetadataRecord[] = []
  readonly state: ControllerState
  /** As raft has it. */
  kraftVersion = 1
  /** Why raft raises it no further. */
  whyNoKraftVersion: string | null = null
  readonly #machine: ControllerMachine
  #nowMs = 0
  #uuids = 0

  /** `brokers`: registered and unfenced from the start. `below`: the random source; always 0 by default. */
  constructor(brokers: readonly number[], given: Record<string, string> = {}, below: (bound: number) => number = () => 0) {
    this.state = {
      config: readBrokerConfig(new Map(Object.entries({ ...controllerProperties, ...given })), silentLogger),
      nodeId: 1,
      clusterId,
      image: this.image,
      metadata: this.image,
      newUuid: () => `${String(this.#uuids++).padStart(21, 'T')}Q`,
      below,
      nextOffset: () => this.log.length,
      kraftVersion: () => this.kraftVersion,
      whyNoKraftVersion: () => this.whyNoKraftVersion,
      sessions: new BrokerSessions(9000),
      nowMs: 0,
    }
    this.#machine = new ControllerMachine(this.state)
    this.write(bootstrapRecords())
    for (const id of brokers) {
      this.register(id)
      this.heartbeat(id)
    }
  }

  get nowMs(): number {
    return this.#nowMs
  }

  advance(ms: number): void {
    this.#nowMs += ms
  }

  /** Steps one input: what it answered, what it decided, and when it wants to be decided again. */
  run({ decide, again }: Pick<ControllerInput, 'decide' | 'again'>) {
    let answered: any
    let againAtMs: number | null = null
    const decided: MetadataRecord[] = []
    const input = { decide, answer: (response: unknown) => (answered = response), ...(again ? { again } : {}) }
    for (const effect of this.#machine.step(input, this.#nowMs)) {
      if (effect.kind === 'append') decided.push(...effect.records)
      else if (effect.kind === 'reply') effect.complete()
      else if (effect.kind === 'send') this.kraftVersion = effect.message.kraftVersion
      else if (effect.kind === 'timer') againAtMs = effect.atMs
      if (effect.kind !== 'append') continue
      for (const record of effect.records) {
        this.log.push(record)
        this.#machine.apply(record)
      }
    }
    return { answered, decided, againAtMs }
  }

  write(records: readonly MetadataRecord[]): void {
    this.run({ decide: () => ({ records, response: null }) })
  }

  decide<Request, Response>(api: Api<Request, Response>, request: Request, version = api.versions!.max) {
    let notice: Notice | undefined
    const decide = (state: ControllerState) => {
      const decision = decisionOf(api)!(state, request, version)
      notice = decision.notice
      return decision as never
    }
    const { answered, decided } = this.run({ decide })
    return { answered: answered as Response, decided, notice }
  }

  register(brokerId: number, more: object = {}) {
    return this.decide(BrokerRegistration, {
      brokerId,
      clusterId,
      incarnationId: this.state.newUuid(),
      listeners: [{ name: 'PLAINTEXT', host: 'localhost', port: 9092, securityProtocol: 0 }],
      features: supportedFeatures,
      rack: null,
      isMigratingZkBroker: false,
      logDirs: [directoryOf(brokerId)],
      previousBrokerEpoch: -1,
      ...more,
    })
  }

  heartbeat(brokerId: number, more: object = {}) {
    return this.decide(BrokerHeartbeat, {
      brokerId,
      brokerEpoch: this.image.broker(brokerId)!.epoch,
      currentMetadataOffset: this.log.length,
      wantFence: false,
      wantShutDown: false,
      offlineLogDirs: [],
      cordonedLogDirs: null,
      ...more,
    })
  }

  create(name: string, more: object = {}, validateOnly = false) {
    const topic = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [], ...more }
    const { answered, decided } = this.decide(CreateTopics, { topics: [topic], timeoutMs: 0, validateOnly })
    return { result: answered.topics[0]!, decided }
  }

  /** A topic of one partition on these brokers. */
  createOn(name: string, brokerIds: readonly number[], configs: Record<string, string> = {}) {
    return this.create(name, {
      numPartitions: -1,
      replicationFactor: -1,
      assignments: [{ partitionIndex: 0, brokerIds }],
      configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
    })
  }

  partition(name: string, index = 0) {
    return this.image.topic(name)!.partitions[index]!
  }

  /** AlterPartition as the leader of the partition sends it; `more` changes the partition's row. */
  alterPartition(name: string, isr: readonly number[], more: object = {}, version = 3) {
    const { topicId } = this.image.topic(name)!
    const { leader, leaderEpoch, partitionEpoch, leaderRecoveryState } = this.partition(name)
    const brokerEpoch = (id: number) => this.image.broker(id)?.epoch ?? -1
    const row = {
      partitionIndex: 0,
      leaderEpoch,
      newIsr: isr,
      newIsrWithEpochs: isr.map(brokerId => ({ brokerId, brokerEpoch: brokerEpoch(brokerId) })),
      leaderRecoveryState,
      partitionEpoch,
      ...more,
    }
    const { answered, decided } = this.decide(
      AlterPartition,
      { brokerId: leader, brokerEpoch: brokerEpoch(leader), topics: [{ topicId, partitions: [row] }] },
      version,
    )
    return { answered, result: answered.topics[0]?.partitions[0], decided }
  }

  alterConfigs(resourceType: number, resourceName: string, changes: [string, number, string | null][], validateOnly = false) {
    const configs = changes.map(([name, configOperation, value]) => ({ name, configOperation, value }))
    const { answered, decided } = this.decide(IncrementalAlterConfigs, {
      resources: [{ resourceType, resourceName, configs }],
      validateOnly,
    })
    return { result: answered.responses[0]!, decided }
  }
}

/** For tests: a scenario's methods as functions. */
export function controllerOf(brokers: number[], properties: Record<string, string> = {}) {
  const scenario = new ControllerScenario(brokers, properties)
  return {
    image: scenario.image,
    log: scenario.log,
    decide: scenario.decide.bind(scenario),
    submit: (decide: ControllerInput['decide']) => scenario.run({ decide }),
    register: scenario.register.bind(scenario),
    create: scenario.create.bind(scenario),
    alter: scenario.alterConfigs.bind(scenario),
  }
}
