import {
  type BrokerHeartbeatRequest,
  type BrokerHeartbeatResponse,
  type BrokerRegistrationRequest,
  type BrokerRegistrationResponse,
  ErrorCode,
} from '@millrace/protocol'
import { topicConfig } from '../config/resolve.ts'
import { topicKeys } from '../config/topic-keys.ts'
import type { ControllerState, Decision } from './decision.ts'
import { electLeader } from './election.ts'
import type { BrokerImage } from './image.ts'
import { type MetadataRecord, noLeader } from './metadata-record.ts'
import type { PartitionImage } from './partition-image.ts'

/** BrokerRegistration: a broker starts fenced, with the offset of its registration as its epoch. */
export function decideBrokerRegistration(
  state: ControllerState,
  request: BrokerRegistrationRequest,
): Decision<BrokerRegistrationResponse> {
  const answer = (errorCode: number, brokerEpoch: number, records: readonly MetadataRecord[] = []) => ({
    records,
    response: { throttleTimeMs: 0, errorCode, brokerEpoch },
  })
  if (request.clusterId !== state.clusterId) return answer(ErrorCode.INCONSISTENT_CLUSTER_ID, -1)
  for (const [name, level] of state.image.features()) {
    const range = request.features.find(feature => feature.name === name)
    if (!range || level < range.minSupportedVersion || level > range.maxSupportedVersion)
      return answer(ErrorCode.UNSUPPORTED_VERSION, -1)
  }
  const before = state.image.broker(request.brokerId)
  const sameProcess = before?.incarnationId === request.incarnationId
  const records: MetadataRecord[] = []
  const brokerEpoch = sameProcess ? before.epoch : state.nextOffset()
  records.push({
    type: 'RegisterBrokerRecord',
    value: {
      brokerId: request.brokerId,
      isMigratingZkBroker: false,
      incarnationId: request.incarnationId,
      brokerEpoch,
      endPoints: request.listeners,
      features: request.features,
      rack: request.rack,
      fenced: sameProcess ? before.fenced : true,
      inControlledShutdown: sameProcess ? before.inControlledShutdown : false,
      logDirs: request.logDirs,
      cordonedLogDirs: [],
    },
  })
  if (before && !sameProcess) {
    const unclean = request.previousBrokerEpoch !== before.epoch
    records.push(...leave(state, request.brokerId, unclean))
  }
  return answer(ErrorCode.NONE, brokerEpoch, records)
}

/** BrokerHeartbeat: fences, unfences and shuts brokers down in good order. */
export function decideBrokerHeartbeat(
  state: ControllerState,
  request: BrokerHeartbeatRequest,
): Decision<BrokerHeartbeatResponse> {
  const broker = state.image.broker(request.brokerId)
  if (!broker) return refusedHeartbeat(ErrorCode.BROKER_ID_NOT_REGISTERED)
  if (broker.epoch !== request.brokerEpoch) return refusedHeartbeat(ErrorCode.STALE_BROKER_EPOCH)
  const isCaughtUp = request.currentMetadataOffset >= broker.epoch
  const { records, isFenced, shouldShutDown } = request.wantShutDown
    ? shutDown(state, broker)
    : request.wantFence
      ? { records: broker.fenced ? [] : fence(state, broker), isFenced: true, shouldShutDown: false }
      : {
          records: broker.fenced && isCaughtUp ? unfence(state, broker) : [],
          isFenced: broker.fenced && !isCaughtUp,
          shouldShutDown: false,
        }
  return { records, response: { throttleTimeMs: 0, errorCode: ErrorCode.NONE, isCaughtUp, isFenced, shouldShutDown } }
}

function refusedHeartbeat(errorCode: number): Decision<BrokerHeartbeatResponse> {
  return { records: [], response: { throttleTimeMs: 0, errorCode, isCaughtUp: false, isFenced: true, shouldShutDown: false } }
}

function fence(state: ControllerState, broker: BrokerImage): MetadataRecord[] {
  return [registrationChange(broker, { fenced: 1 }), ...leave(state, broker.id, false)]
}

function unfence(state: ControllerState, broker: BrokerImage): MetadataRecord[] {
  const canLead = (id: number) => id === broker.id || mayLead(state, id)
  const records = [registrationChange(broker, { fenced: -1 })]
  for (const { topicId, partitionId, partition, options } of partitionsOf(state)) {
    if (partition.leader !== noLeader) continue
    const change = electLeader(partition, { ...options, topicId, partitionId, canLead })
    if (change) records.push(change)
  }
  return records
}

/**
 * A broker that shuts down hands over what it leads; with nobody to take a partition over it stays without a leader. Fenced at
 * once, it may come back with another incarnation, Apache Kafka's included, without waiting for its session to end.
 */
function shutDown(state: ControllerState, broker: BrokerImage) {
  const records = broker.inControlledShutdown
    ? []
    : [registrationChange(broker, { inControlledShutdown: 1 }), ...leave(state, broker.id, false)]
  if (!broker.fenced) records.push(registrationChange(broker, { fenced: 1 }))
  return { records, isFenced: true, shouldShutDown: true }
}

/** The broker leaves the in-sync sets of its partitions, and others lead what it led. */
function leave(state: ControllerState, brokerId: number, unclean: boolean): MetadataRecord[] {
  const records: MetadataRecord[] = []
  const canLead = (id: number) => id !== brokerId && mayLead(state, id)
  for (const { topicId, partitionId, partition, options } of partitionsOf(state)) {
    // An only replica that lost its newest records is still the only truth there is: nothing is gained by distrusting it.
    const distrusted = unclean && partition.replicas.length > 1 ? [brokerId] : []
    const concerned = partition.isr.includes(brokerId) || partition.eligibleLeaderReplicas.some(id => distrusted.includes(id))
    if (!concerned) continue
    const isr = partition.isr.filter(id => id !== brokerId)
    const change = electLeader(partition, { ...options, topicId, partitionId, canLead, isr, uncleanShutdown: distrusted })
    if (change) records.push(change)
  }
  return records
}

function mayLead({ image }: ControllerState, brokerId: number): boolean {
  return image.isActive(brokerId) && !image.broker(brokerId)!.inControlledShutdown
}

function* partitionsOf(state: ControllerState): Generator<{
  topicId: string
  partitionId: number
  partition: PartitionImage
  options: { minInsyncReplicas: number; unclean: boolean }
}> {
  for (const { name, topicId, partitions } of state.image.topics()) {
    const options = {
      minInsyncReplicas: topicConfig(state, name, topicKeys.minInsyncReplicas),
      unclean: topicConfig(state, name, topicKeys.uncleanLeaderElectionEnable),
    }
    for (const [partitionId, partition] of partitions.entries()) yield { topicId, partitionId, partition, options }
  }
}

function registrationChange(
  broker: BrokerImage,
  change: { readonly fenced?: 1 | -1; readonly inControlledShutdown?: 1 },
): MetadataRecord {
  return {
    type: 'BrokerRegistrationChangeRecord',
    value: {
      brokerId: broker.id,
      brokerEpoch: broker.epoch,
      fenced: change.fenced ?? 0,
      inControlledShutdown: change.inControlledShutdown ?? 0,
      logDirs: [],
      cordonedLogDirs: null,
    },
  }
}
