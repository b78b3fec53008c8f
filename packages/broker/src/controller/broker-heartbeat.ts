import {
  type BrokerHeartbeatRequest,
  type BrokerHeartbeatResponse,
  type BrokerRegistrationChangeRecord,
  ErrorCode,
} from '@millrace/protocol'
import { isCurrentBroker } from './broker-epoch.ts'
import { type BrokerOutlook, partitionChangesFor } from './broker-outlook.ts'
import type { ControllerState, Decision, Notice } from './decision.ts'
import type { BrokerImage } from './image.ts'
import type { MetadataRecord } from './metadata-record.ts'
import { MetadataVersion, metadataVersionOf } from './metadata-version.ts'

/** Where a broker stands after its heartbeat. `stopping`: its leaders are moved, and the others do not all know it yet. */
type Standing = 'fenced' | 'unfenced' | 'stopping' | 'stopped'

/**
 * BrokerHeartbeat: a broker is alive. It is unfenced once it has applied its own registration; with `wantShutDown` its leaders are moved
 * first, and it may go when every active broker has applied that. Directories that it lost lose their replicas.
 */
export function decideBrokerHeartbeat(
  state: ControllerState,
  request: BrokerHeartbeatRequest,
): Decision<BrokerHeartbeatResponse> {
  const { brokerId, currentMetadataOffset } = request
  if (!isCurrentBroker(state.image, request)) return refused(ErrorCode.STALE_BROKER_EPOCH)
  const broker = state.image.broker(brokerId)!
  state.sessions.touch(brokerId, state.nowMs, currentMetadataOffset)
  const isCaughtUp = currentMetadataOffset >= broker.epoch
  const standing = nextStanding(state, broker, request)
  const change = registrationChange(state, broker, standing, request)
  const outlook: BrokerOutlook = {
    brokerId,
    canLead: standing === 'unfenced',
    ...(change?.logDirs.length ? { logDirs: change.logDirs } : {}),
  }
  const records = inOrder(change, isAffected(broker, standing, outlook) ? partitionChangesFor(state, outlook) : [], standing)
  if (standing === 'stopping' && state.sessions.shutdownOffset(brokerId) === null)
    state.sessions.setShutdownOffset(brokerId, state.nextOffset() + records.length - 1)
  // It is going: whoever comes back under its number need not wait for the end of its session.
  if (standing === 'stopped') state.sessions.end(brokerId)
  const isFenced = standing === 'fenced' || standing === 'stopped'
  return {
    records,
    response: { throttleTimeMs: 0, errorCode: ErrorCode.NONE, isCaughtUp, isFenced, shouldShutDown: standing === 'stopped' },
    splittable: true,
    ...(change ? { notice: noticeOf(change, standing, records.length - 1) } : {}),
  }
}

function noticeOf(
  { brokerId, fenced, inControlledShutdown, logDirs, cordonedLogDirs }: BrokerRegistrationChangeRecord,
  standing: Standing,
  partitions: number,
): Notice {
  const moves = fenced !== 0 || inControlledShutdown !== 0
  return {
    level: logDirs.length > 0 ? 'warn' : 'info',
    event: `controller.broker-${moves ? standing : 'directories'}`,
    facts: {
      brokerId,
      partitions,
      ...(logDirs.length > 0 ? { onlineLogDirs: logDirs.join() } : {}),
      ...(cordonedLogDirs ? { cordonedLogDirs: cordonedLogDirs.join() } : {}),
    },
  }
}

/** The records that take a silent broker out of service: it leaves the in-sync sets, then it is fenced. */
export function fenceBroker(state: ControllerState, broker: BrokerImage): MetadataRecord[] {
  return [...partitionChangesFor(state, { brokerId: broker.id, canLead: false }), changeRecord(broker, { fenced: 1 })]
}

function nextStanding(state: ControllerState, broker: BrokerImage, request: BrokerHeartbeatRequest): Standing {
  if (broker.fenced) {
    if (request.wantShutDown) return 'stopped'
    // One that has shut down comes back with a registration.
    const staysFenced = request.wantFence || broker.inControlledShutdown || request.currentMetadataOffset < broker.epoch
    return staysFenced ? 'fenced' : 'unfenced'
  }
  if (!request.wantShutDown) return request.wantFence ? 'fenced' : broker.inControlledShutdown ? 'stopping' : 'unfenced'
  if (request.wantFence) return 'stopped'
  const others = [...state.image.brokers()].filter(({ id }) => id !== broker.id && state.image.isEligible(id))
  if (others.length === 0) return 'stopped'
  if (leadsAny(state, broker.id)) return 'stopping'
  if (!broker.inControlledShutdown) return 'stopped'
  const since = state.sessions.shutdownOffset(broker.id)
  if (since === null) return 'stopping'
  return others.every(({ id }) => state.sessions.metadataOffset(id) >= since) ? 'stopped' : 'stopping'
}

function leadsAny({ image }: ControllerState, brokerId: number): boolean {
  for (const { partitions } of image.topics()) if (partitions.some(partition => partition.leader === brokerId)) return true
  return false
}

/** Partitions are looked through only when the heartbeat changes something for them. */
function isAffected(broker: BrokerImage, standing: Standing, outlook: BrokerOutlook): boolean {
  const wasUp = !broker.fenced && !broker.inControlledShutdown
  return outlook.logDirs !== undefined || outlook.canLead !== wasUp || (standing === 'stopping' && !broker.fenced)
}

type RegistrationChange = Partial<
  Pick<BrokerRegistrationChangeRecord, 'fenced' | 'inControlledShutdown' | 'logDirs' | 'cordonedLogDirs'>
>

/** What changes in the registration; null for an ordinary heartbeat. */
function registrationChange(
  state: ControllerState,
  broker: BrokerImage,
  standing: Standing,
  request: BrokerHeartbeatRequest,
): BrokerRegistrationChangeRecord | null {
  const isFenced = standing === 'fenced' || standing === 'stopped'
  const isShuttingDown = standing === 'stopping' || (standing === 'stopped' && !broker.fenced)
  const version = metadataVersionOf(state.image)
  const online = broker.logDirs.filter(id => !request.offlineLogDirs.includes(id))
  const hasLost = version >= MetadataVersion.directories && online.length > 0 && online.length < broker.logDirs.length
  const cordoned = version >= MetadataVersion.cordonedDirectories ? request.cordonedLogDirs : null
  const change: RegistrationChange = {
    ...(isFenced === broker.fenced ? {} : { fenced: isFenced ? 1 : -1 }),
    ...(isShuttingDown && !broker.inControlledShutdown ? { inControlledShutdown: 1 } : {}),
    ...(hasLost ? { logDirs: online } : {}),
    ...(cordoned && !sameMembers(cordoned, broker.registration.cordonedLogDirs ?? []) ? { cordonedLogDirs: cordoned } : {}),
  }
  return Object.keys(change).length === 0 ? null : changeRecord(broker, change).value
}

/** Should the records be parted, each part leaves the cluster in order: a broker serves before it leads, and leads nothing before it is fenced. */
function inOrder(
  change: BrokerRegistrationChangeRecord | null,
  partitionChanges: MetadataRecord[],
  standing: Standing,
): MetadataRecord[] {
  if (!change) return partitionChanges
  const record: MetadataRecord = { type: 'BrokerRegistrationChangeRecord', value: change }
  return standing === 'unfenced' || standing === 'stopping' ? [record, ...partitionChanges] : [...partitionChanges, record]
}

function changeRecord(broker: BrokerImage, change: RegistrationChange) {
  return {
    type: 'BrokerRegistrationChangeRecord' as const,
    value: {
      brokerId: broker.id,
      brokerEpoch: broker.epoch,
      fenced: 0,
      inControlledShutdown: 0,
      logDirs: [],
      cordonedLogDirs: null,
      ...change,
    },
  }
}

function sameMembers(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every(id => b.includes(id))
}

function refused(errorCode: number): Decision<BrokerHeartbeatResponse> {
  return { records: [], response: { throttleTimeMs: 0, errorCode, isCaughtUp: false, isFenced: true, shouldShutDown: false } }
}
