import { type BrokerRegistrationRequest, type BrokerRegistrationResponse, ErrorCode, errorFacts } from '@millrace/protocol'
import { partitionChangesFor } from './broker-outlook.ts'
import { type ControllerState, type Decision, orRefusal, Refusal } from './decision.ts'
import { isReservedDirectory } from './directory-id.ts'
import type { BrokerImage } from './image.ts'
import { keepsEligibleReplicas, MetadataVersion, metadataVersionOf } from './metadata-version.ts'

/**
 * BrokerRegistration: a new process starts fenced, with the offset of its registration as its epoch; the process that is registered may
 * amend what it said. What the process before left behind is cleaned up: it leaves the in-sync sets, and if it did not close its logs
 * (its epoch is not `previousBrokerEpoch`) the eligible replicas too.
 */
export function decideBrokerRegistration(
  state: ControllerState,
  request: BrokerRegistrationRequest,
): Decision<BrokerRegistrationResponse> {
  const answer = (errorCode: number, brokerEpoch: number) => ({ throttleTimeMs: 0, errorCode, brokerEpoch })
  return orRefusal<Decision<BrokerRegistrationResponse>>(
    () => {
      check(state, request)
      const before = state.image.broker(request.brokerId)
      const sameProcess = before?.incarnationId === request.incarnationId ? before : undefined
      const brokerEpoch = sameProcess?.epoch ?? state.nextOffset()
      // Also of one that was unregistered meanwhile: it may be eligible where it holds the only copy.
      const unclean = request.previousBrokerEpoch !== before?.epoch && keepsEligibleReplicas(state.image)
      const left = sameProcess ? [] : partitionChangesFor(state, { brokerId: request.brokerId, canLead: false, unclean })
      if (!sameProcess) state.sessions.begin(request.brokerId, state.nowMs)
      return {
        records: [
          { type: 'RegisterBrokerRecord' as const, value: registration(state, request, brokerEpoch, sameProcess) },
          ...left,
        ],
        response: answer(ErrorCode.NONE, brokerEpoch),
        splittable: true,
        notice: {
          level: 'info',
          event: 'controller.broker-registered',
          facts: {
            brokerId: request.brokerId,
            epoch: brokerEpoch,
            incarnationId: request.incarnationId,
            unclean: unclean && before !== undefined,
          },
        },
      }
    },
    ({ errorCode, message: why }) => ({
      records: [],
      response: answer(errorCode, -1),
      notice: {
        level: 'warn',
        event: 'controller.registration-refused',
        facts: { brokerId: request.brokerId, error: errorFacts(errorCode).name, why },
      },
    }),
  )
}

function check(state: ControllerState, request: BrokerRegistrationRequest): void {
  const { image, sessions, nowMs, clusterId } = state
  const { brokerId } = request
  if (request.clusterId !== clusterId)
    throw new Refusal(ErrorCode.INCONSISTENT_CLUSTER_ID, `This is cluster ${clusterId}, not ${request.clusterId}.`)
  if (request.isMigratingZkBroker)
    throw new Refusal(ErrorCode.BROKER_ID_NOT_REGISTERED, 'Brokers of a ZooKeeper cluster cannot register.')
  const before = image.broker(brokerId)
  const isOther = before !== undefined && before.incarnationId !== request.incarnationId
  if (isOther && !before.inControlledShutdown && sessions.isAlive(brokerId, nowMs))
    throw new Refusal(ErrorCode.DUPLICATE_BROKER_REGISTRATION, `Another process is registered as broker ${brokerId} and alive.`)
  checkFeatures(state, request)
  if (metadataVersionOf(image) >= MetadataVersion.directories) checkDirectories(state, request)
}

/** A broker that does not know a feature at all supports its level 0 alone. */
function checkFeatures({ image }: ControllerState, { features }: BrokerRegistrationRequest): void {
  for (const [name, level] of image.features()) {
    if (level === 0) continue
    const range = features.find(feature => feature.name === name)
    if (!range || level < range.minSupportedVersion || level > range.maxSupportedVersion)
      throw new Refusal(ErrorCode.UNSUPPORTED_VERSION, `The broker does not support ${name} at the cluster's level ${level}.`)
  }
}

function checkDirectories({ image }: ControllerState, { brokerId, logDirs }: BrokerRegistrationRequest): void {
  const refuse = (why: string) => new Refusal(ErrorCode.INVALID_REGISTRATION, why)
  if (logDirs.length === 0) throw refuse('The registration names no log directory.')
  if (logDirs.some(isReservedDirectory)) throw refuse('The registration names a reserved directory id.')
  if (new Set(logDirs).size !== logDirs.length) throw refuse('The registration names a log directory twice.')
  for (const other of image.brokers()) {
    const shared = other.id === brokerId ? undefined : logDirs.find(id => other.logDirs.includes(id))
    if (shared !== undefined) throw refuse(`Broker ${other.id} is registered with the log directory ${shared}.`)
  }
}

function registration(
  state: ControllerState,
  request: BrokerRegistrationRequest,
  brokerEpoch: number,
  sameProcess: BrokerImage | undefined,
) {
  const version = metadataVersionOf(state.image)
  return {
    brokerId: request.brokerId,
    isMigratingZkBroker: false,
    incarnationId: request.incarnationId,
    brokerEpoch,
    endPoints: request.listeners,
    features: request.features,
    rack: request.rack,
    fenced: sameProcess?.fenced ?? true,
    inControlledShutdown: sameProcess?.inControlledShutdown ?? false,
    logDirs: version >= MetadataVersion.directories ? request.logDirs : [],
    cordonedLogDirs: sameProcess?.registration.cordonedLogDirs ?? [],
  }
}
