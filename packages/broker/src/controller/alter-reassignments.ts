import {
  type AlterPartitionReassignmentsRequest,
  type AlterPartitionReassignmentsResponse,
  type ElementOf,
  ErrorCode,
} from '@millrace/protocol'
import { type ControllerState, type Decision, orRefusal, Refusal, tooLarge } from './decision.ts'
import { leaderCheck, newDirectoryOf, rulesOf } from './leadership.ts'
import type { MetadataRecord, PartitionChange } from './metadata-record.ts'
import { changePartition } from './partition-change.ts'
import type { PartitionImage, TopicImage } from './partition-image.ts'
import { cancelled, isReassigning, reassignTo, replicasToBe } from './reassignment-state.ts'
import { checkReplicas } from './replica-placement.ts'

type Wanted = ElementOf<ElementOf<AlterPartitionReassignmentsRequest['topics']>['partitions']>

/**
 * AlterPartitionReassignments (KIP-455): each partition gets the replicas that it shall have, and drops the others when those are in sync;
 * `null` as replicas takes a reassignment that is under way back. Partitions succeed or fail on their own.
 */
export function decideAlterPartitionReassignments(
  state: ControllerState,
  request: AlterPartitionReassignmentsRequest,
): Decision<AlterPartitionReassignmentsResponse> {
  const { allowReplicationFactorChange } = request
  const records: MetadataRecord[] = []
  const seen = new Set<string>()
  const responses = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(wanted => {
      const { partitionIndex } = wanted
      return orRefusal(
        () => {
          if (seen.has(`${name}-${partitionIndex}`))
            throw new Refusal(ErrorCode.INVALID_REQUEST, `The partition ${name}-${partitionIndex} appears twice in the request.`)
          seen.add(`${name}-${partitionIndex}`)
          const record = alter(state, name, wanted, allowReplicationFactorChange)
          if (record) records.push(record)
          return { partitionIndex, errorCode: ErrorCode.NONE as number, errorMessage: null as string | null }
        },
        refusal => ({ partitionIndex, errorCode: refusal.errorCode, errorMessage: refusal.message }),
      )
    }),
  }))
  const why = tooLarge(records)
  const response = { throttleTimeMs: 0, allowReplicationFactorChange, errorCode: ErrorCode.NONE, errorMessage: null, responses }
  if (why === null) return { records, response }
  return { records: [], response: { ...response, errorCode: ErrorCode.POLICY_VIOLATION, errorMessage: why, responses: [] } }
}

function alter(state: ControllerState, name: string, wanted: Wanted, allowFactorChange: boolean): PartitionChange | null {
  const topic = state.image.topic(name)
  if (!topic) throw new Refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `Unable to find a topic named ${name}.`)
  const partition = topic.partitions[wanted.partitionIndex]
  if (!partition)
    throw new Refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `Unable to find partition ${name}:${wanted.partitionIndex}.`)
  if (wanted.replicas === null) return cancel(state, topic, wanted.partitionIndex, partition)
  checkReplicas(state.image, wanted.replicas, null)
  const before = replicasToBe(partition).length
  if (!allowFactorChange && wanted.replicas.length !== before)
    throw new Refusal(
      ErrorCode.INVALID_REPLICATION_FACTOR,
      `The replication factor is changed from ${before} to ${wanted.replicas.length}.`,
    )
  const rules = rulesOf(state, name)
  return changePartition(
    partition,
    { ...targetOf(state, topic, wanted.partitionIndex, partition), ...reassignTo(partition, wanted.replicas) },
    rules,
  )
}

function cancel(
  state: ControllerState,
  topic: TopicImage,
  partitionId: number,
  partition: PartitionImage,
): PartitionChange | null {
  if (!isReassigning(partition))
    throw new Refusal(ErrorCode.NO_REASSIGNMENT_IN_PROGRESS, 'No partition reassignment is in progress.')
  const rules = rulesOf(state, topic.name)
  const lists = cancelled(partition)
  const isr = partition.isr.filter(id => lists.replicas.includes(id))
  const target = { ...targetOf(state, topic, partitionId, partition), ...lists, election: rules.election }
  const eligible = rules.eligibleReplicas && partition.eligibleLeaderReplicas.some(id => lists.replicas.includes(id))
  if (isr.length > 0 || eligible) return changePartition(partition, { ...target, isr }, rules)
  if (rules.election !== 'unclean')
    throw new Refusal(
      ErrorCode.INVALID_REPLICA_ASSIGNMENT,
      `Unable to revert partition assignment for ${topic.name}:${partitionId} because it would require an unclean leader election.`,
    )
  // None of the replicas that stay is in sync: the first that can lead does, with what it has.
  const survivor = lists.replicas.find(target.canLead) ?? lists.replicas[0]!
  return changePartition(partition, { ...target, isr: [survivor], leaderRecoveryState: 1 }, rules)
}

function targetOf(state: ControllerState, { topicId }: TopicImage, partitionId: number, partition: PartitionImage) {
  return { topicId, partitionId, canLead: leaderCheck(state, partition), newDirectory: newDirectoryOf(state) }
}
