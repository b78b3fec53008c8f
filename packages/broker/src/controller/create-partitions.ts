import { type CreatePartitionsRequest, type CreatePartitionsResponse, type ElementOf, ErrorCode } from '@millrace/protocol'
import { type ControllerState, type Decision, maxRecordsPerChange, orRefusal, Refusal } from './decision.ts'
import type { MetadataRecord } from './metadata-record.ts'
import { newPartition } from './new-partition.ts'
import { checkAssignment, placeReplicas } from './replica-placement.ts'

type Topic = ElementOf<CreatePartitionsRequest['topics']>

/** CreatePartitions: `count` is the number of partitions that the topic shall have. */
export function decideCreatePartitions(
  state: ControllerState,
  request: CreatePartitionsRequest,
): Decision<CreatePartitionsResponse> {
  const records: MetadataRecord[] = []
  const times = new Map<string, number>()
  for (const { name } of request.topics) times.set(name, (times.get(name) ?? 0) + 1)
  const results = request.topics.map(topic =>
    orRefusal(
      () => {
        if (times.get(topic.name)! > 1) throw new Refusal(ErrorCode.INVALID_REQUEST, 'The topic appears twice in the request.')
        const added = add(state, topic)
        if (records.length + added.length > maxRecordsPerChange)
          throw new Refusal(ErrorCode.POLICY_VIOLATION, `At most ${maxRecordsPerChange} partitions are created at once.`)
        records.push(...added)
        return { name: topic.name, errorCode: ErrorCode.NONE as number, errorMessage: null as string | null }
      },
      refusal => ({ name: topic.name, errorCode: refusal.errorCode, errorMessage: refusal.message }),
    ),
  )
  return { records: request.validateOnly ? [] : records, response: { throttleTimeMs: 0, results } }
}

function add({ image, below }: ControllerState, { name, count, assignments }: Topic): MetadataRecord[] {
  const topic = image.topic(name)
  if (!topic) throw new Refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, 'This server does not host this topic-partition.')
  const present = topic.partitions.length
  if (count === present) throw new Refusal(ErrorCode.INVALID_PARTITIONS, `Topic already has ${count} partition(s).`)
  if (count < present)
    throw new Refusal(
      ErrorCode.INVALID_PARTITIONS,
      `The topic ${name} currently has ${present} partition(s); ${count} would not be an increase.`,
    )
  const additional = count - present
  if (additional > maxRecordsPerChange)
    throw new Refusal(ErrorCode.POLICY_VIOLATION, `At most ${maxRecordsPerChange} partitions are created at once.`)
  if (assignments && assignments.length !== additional) {
    throw new Refusal(
      ErrorCode.INVALID_REPLICA_ASSIGNMENT,
      `${additional} additional partition(s) were wanted, and ${assignments.length} assignment(s) were given.`,
    )
  }
  const factor = topic.partitions[0]!.replicas.length
  const placed = assignments?.map(({ brokerIds }) => brokerIds) ?? placeReplicas(image, additional, factor, below)
  return placed.map((replicas, index) => {
    if (assignments) checkAssignment(image, present + index, replicas, factor)
    return newPartition(image, topic.topicId, present + index, replicas)
  })
}
