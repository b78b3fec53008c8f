import { type AlterPartitionRequest, type AlterPartitionResponse, type ElementOf, ErrorCode, zeroUuid } from '@millrace/protocol'
import { isCurrentBroker } from './broker-epoch.ts'
import type { ControllerState, Decision } from './decision.ts'
import { leaderCheck, newDirectoryOf, rulesOf } from './leadership.ts'
import { type MetadataRecord, noChange } from './metadata-record.ts'
import { changePartition } from './partition-change.ts'
import { changedPartition, type PartitionImage, type TopicImage } from './partition-image.ts'

type Change = ElementOf<ElementOf<AlterPartitionRequest['topics']>['partitions']>
type Result = ElementOf<ElementOf<AlterPartitionResponse['topics']>['partitions']>

const recovered = 0
const recovering = 1
/** A follower whose broker epoch the leader does not know: the check is left out. */
const unknownEpoch = -1

/**
 * AlterPartition: the leader of each partition says who is in sync with it. Version 3 names the broker epochs that the leader has seen, so
 * that a replica that died since does not come into the set. A reassignment whose new replicas are in sync ends with it.
 */
export function decideAlterPartition(
  state: ControllerState,
  request: AlterPartitionRequest,
  version: number,
): Decision<AlterPartitionResponse> {
  if (!isCurrentBroker(state.image, request)) {
    const { brokerId, brokerEpoch } = request
    return {
      records: [],
      response: { throttleTimeMs: 0, errorCode: ErrorCode.STALE_BROKER_EPOCH, topics: [] },
      notice: {
        level: 'warn',
        event: 'controller.stale-broker',
        facts: { api: 'AlterPartition', brokerId, brokerEpoch, epoch: state.image.broker(brokerId)?.epoch },
      },
    }
  }
  const records: MetadataRecord[] = []
  const seen = new Set<string>()
  const topics = request.topics.map(({ topicId, partitions }) => {
    const topic = topicId === zeroUuid ? undefined : state.image.topicById(topicId)
    return {
      topicId,
      partitions: partitions.map(change => {
        if (!topic) return refused(change, ErrorCode.UNKNOWN_TOPIC_ID)
        const id = `${topicId}:${change.partitionIndex}`
        // The first change makes the epochs of a second one stale.
        if (seen.has(id)) return refused(change, ErrorCode.OPERATION_NOT_ATTEMPTED)
        seen.add(id)
        return alter(state, request.brokerId, topic, withEpochs(change, version), records)
      }),
    }
  })
  return { records, response: { throttleTimeMs: 0, errorCode: ErrorCode.NONE, topics }, splittable: true }
}

function withEpochs(change: Change, version: number): Change {
  if (version >= 3) return change
  return { ...change, newIsrWithEpochs: change.newIsr.map(brokerId => ({ brokerId, brokerEpoch: unknownEpoch })) }
}

function alter(state: ControllerState, brokerId: number, topic: TopicImage, change: Change, records: MetadataRecord[]): Result {
  const { partitionIndex: partitionId } = change
  const partition = topic.partitions[partitionId]
  if (!partition) return refused(change, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  const errorCode = check(state, brokerId, partition, change)
  if (errorCode !== ErrorCode.NONE) return refused(change, errorCode)
  const rules = rulesOf(state, topic.name)
  const record = changePartition(
    partition,
    {
      topicId: topic.topicId,
      partitionId,
      isr: change.newIsrWithEpochs.map(member => member.brokerId),
      leaderRecoveryState: change.leaderRecoveryState,
      canLead: leaderCheck(state, partition),
      election: rules.election,
      newDirectory: newDirectoryOf(state),
    },
    rules,
  )
  if (!record) return accepted(change, partition)
  records.push(record)
  // The end of a reassignment may take the partition from the leader that asked.
  if (record.value.leader !== noChange && record.value.leader !== brokerId) return refused(change, ErrorCode.NEW_LEADER_ELECTED)
  return accepted(
    change,
    changedPartition(partition, record.value, () => []),
  )
}

function check(state: ControllerState, brokerId: number, partition: PartitionImage, change: Change): number {
  const { leader, leaderEpoch, partitionEpoch, replicas, leaderRecoveryState } = partition
  // The leader knows of changes that this controller does not: another one must be active.
  if (change.leaderEpoch > leaderEpoch || change.partitionEpoch > partitionEpoch) return ErrorCode.NOT_CONTROLLER
  if (change.leaderEpoch < leaderEpoch) return ErrorCode.FENCED_LEADER_EPOCH
  if (brokerId !== leader) return ErrorCode.INVALID_REQUEST
  if (change.partitionEpoch < partitionEpoch) return ErrorCode.INVALID_UPDATE_VERSION
  const isr = change.newIsrWithEpochs.map(member => member.brokerId)
  const isSubset = new Set(isr).size === isr.length && isr.every(id => replicas.includes(id))
  if (!isSubset || !isr.includes(leader)) return ErrorCode.INVALID_REQUEST
  const wanted = change.leaderRecoveryState
  if (wanted !== recovered && wanted !== recovering) return ErrorCode.INVALID_REQUEST
  if (wanted === recovering && (isr.length > 1 || leaderRecoveryState === recovered)) return ErrorCode.INVALID_REQUEST
  const isEligible = ({ brokerId: id, brokerEpoch }: { readonly brokerId: number; readonly brokerEpoch: number }) => {
    const broker = state.image.broker(id)
    if (!broker || broker.fenced || broker.inControlledShutdown) return false
    return brokerEpoch === unknownEpoch || brokerEpoch === broker.epoch
  }
  return change.newIsrWithEpochs.every(isEligible) ? ErrorCode.NONE : ErrorCode.INELIGIBLE_REPLICA
}

function accepted({ partitionIndex }: Change, partition: PartitionImage): Result {
  const { leader: leaderId, leaderEpoch, isr, leaderRecoveryState, partitionEpoch } = partition
  return { partitionIndex, errorCode: ErrorCode.NONE, leaderId, leaderEpoch, isr, leaderRecoveryState, partitionEpoch }
}

function refused({ partitionIndex }: Change, errorCode: number): Result {
  return { partitionIndex, errorCode, leaderId: 0, leaderEpoch: 0, isr: [], leaderRecoveryState: 0, partitionEpoch: 0 }
}
