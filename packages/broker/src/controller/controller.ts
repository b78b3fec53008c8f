import {
  AllocateProducerIds,
  AlterConfigs,
  AlterPartition,
  AlterPartitionReassignments,
  type Api,
  AssignReplicasToDirs,
  BrokerHeartbeat,
  BrokerRegistration,
  ControllerRegistration,
  CreatePartitions,
  CreateTopics,
  DeleteTopics,
  ElectLeaders,
  IncrementalAlterConfigs,
  ListPartitionReassignments,
  UnregisterBroker,
  UpdateFeatures,
} from '@millrace/protocol'
import type { Effect, Machine } from '@millrace/runtime'
import { decideAllocateProducerIds } from './allocate-producer-ids.ts'
import { decideAlterConfigs, decideIncrementalAlterConfigs } from './alter-configs.ts'
import { decideAlterPartition } from './alter-partition.ts'
import { decideAlterPartitionReassignments } from './alter-reassignments.ts'
import { decideAssignReplicasToDirs } from './assign-replicas-to-dirs.ts'
import { decideBrokerHeartbeat } from './broker-heartbeat.ts'
import { decideBrokerRegistration } from './broker-registration.ts'
import { decideControllerRegistration } from './controller-registration.ts'
import { decideCreatePartitions } from './create-partitions.ts'
import { decideCreateTopics } from './create-topics.ts'
import { type ControllerState, type Decide, type Decision, maxRecordsPerChange } from './decision.ts'
import { decideDeleteTopics } from './delete-topics.ts'
import { decideElectLeaders } from './elect-leaders.ts'
import { decideListPartitionReassignments } from './list-reassignments.ts'
import type { MetadataRecord } from './metadata-record.ts'
import { decideUnregisterBroker } from './unregister-broker.ts'
import { decideUpdateFeatures } from './update-features.ts'

/** A decision that is to be made, and who waits for its answer. */
export interface ControllerInput {
  readonly decide: (state: ControllerState) => Decision<unknown>
  readonly answer: (response: unknown) => void
  /** Decided again at the time that this returns, of the monotonic clock; null ends it. */
  readonly again?: { readonly name: string; readonly atMs: (state: ControllerState) => number | null }
}

/** To this node's raft: its level of kraft.version is in control records, which no decision writes. */
export interface RaftRequest {
  readonly kraftVersion: number
}

type ControllerEffect = Effect<ControllerInput, MetadataRecord, RaftRequest>

const decisions = new Map<number, Decide<any, any>>()

function decides<Request, Response>(api: Api<Request, Response>, decide: Decide<Request, Response>): void {
  decisions.set(api.key, decide)
}

decides(CreateTopics, decideCreateTopics)
decides(DeleteTopics, decideDeleteTopics)
decides(CreatePartitions, decideCreatePartitions)
decides(IncrementalAlterConfigs, decideIncrementalAlterConfigs)
decides(AlterConfigs, decideAlterConfigs)
decides(AllocateProducerIds, decideAllocateProducerIds)
decides(AlterPartition, decideAlterPartition)
decides(AlterPartitionReassignments, decideAlterPartitionReassignments)
decides(ElectLeaders, decideElectLeaders)
decides(AssignReplicasToDirs, decideAssignReplicasToDirs)
decides(UpdateFeatures, decideUpdateFeatures)
decides(UnregisterBroker, decideUnregisterBroker)
decides(ControllerRegistration, decideControllerRegistration)
decides(BrokerRegistration, decideBrokerRegistration)
decides(BrokerHeartbeat, decideBrokerHeartbeat)
decides(ListPartitionReassignments, decideListPartitionReassignments)

/** How a request is decided; undefined for an API that is not the controller's. */
export function decisionOf<Request, Response>(api: Api<Request, Response>): Decide<Request, Response> | undefined {
  return decisions.get(api.key)
}

/**
 * The decisions of the active controller: requests become records, records change the image. A decision sees all that was decided before,
 * committed or not; its answer waits until that is committed.
 */
export class ControllerMachine implements Machine<ControllerInput, MetadataRecord, RaftRequest> {
  readonly #state: ControllerState

  constructor(state: ControllerState) {
    this.#state = state
  }

  step(input: ControllerInput, nowMs: number): readonly ControllerEffect[] {
    // What is handed out of the image since the last step must not change any more.
    this.#state.image.seal()
    const state = { ...this.#state, nowMs }
    const { records, response, splittable, kraftVersion } = input.decide(state)
    const effects: ControllerEffect[] = []
    if (kraftVersion !== undefined) effects.push({ kind: 'send', to: state.nodeId, message: { kraftVersion } })
    const size = splittable ? maxRecordsPerChange : Math.max(1, records.length)
    for (let from = 0; from < records.length; from += size)
      effects.push({ kind: 'append', records: records.slice(from, from + size) })
    // Without records the answer waits too: it may rest on records that are not committed yet.
    if (records.length === 0) effects.push({ kind: 'append', records })
    effects.push({ kind: 'reply', complete: () => input.answer(response) })
    const atMs = input.again?.atMs(state) ?? null
    if (atMs !== null) effects.push({ kind: 'timer', name: input.again!.name, atMs, input })
    return effects
  }

  apply(record: MetadataRecord): void {
    this.#state.image.apply(record)
  }
}
