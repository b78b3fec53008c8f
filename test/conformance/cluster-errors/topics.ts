import { AlterPartitionReassignments, CreatePartitions, CreateTopics, ElectLeaders, errorFacts } from '@millrace/protocol'
import type { ClusterErrorsScene, Refusals } from './scene.ts'

/** Of what is asked for topics and their replicas. */
export function topicRefusals(scene: ClusterErrorsScene): Refusals {
  const { broker, told, createTopic, assigned } = scene
  const created = async (name: string, more: object) => told((await broker(CreateTopics, 7, createTopic(name, more))).topics[0]!)
  const reassigned = async (topic: string, replicas: number[] | null, allowReplicationFactorChange = true) => {
    const answer = await broker(AlterPartitionReassignments, 1, {
      timeoutMs: 10_000,
      allowReplicationFactorChange,
      topics: [{ name: topic, partitions: [{ partitionIndex: 0, replicas }] }],
    })
    return answer.errorCode === 0 ? told(answer.responses[0]!.partitions[0]!) : `request: ${told(answer)}`
  }
  const elected = async (topic: string, electionType: number, partition = 0) => {
    const { errorCode, replicaElectionResults } = await broker(ElectLeaders, 2, {
      electionType,
      topicPartitions: [{ topic, partitions: [partition] }],
      timeoutMs: 10_000,
    })
    return errorCode === 0 ? told(replicaElectionResults[0]!.partitionResult[0]!) : `request: ${errorFacts(errorCode).name}`
  }

  return {
    topics: {
      'with more replicas than brokers': [
        () => created('wide', { replicationFactor: 7 }),
        /^INVALID_REPLICATION_FACTOR: Unable to replicate the partition 7 time\(s\): The target replication factor of 7 cannot be reached because only 4 broker\(s\) are registered/,
      ],
      'on an unknown broker': [() => created('lost', assigned([1, 42])), /^INVALID_REPLICA_ASSIGNMENT: .*42/],
      'twice on one broker': [() => created('twice', assigned([1, 1])), /^INVALID_REPLICA_ASSIGNMENT: /],
      'with replicas here and there': [() => created('uneven', assigned([1, 2], [1])), /^INVALID_REPLICA_ASSIGNMENT: /],
      'with more partitions on an unknown broker': [
        async () =>
          told(
            (
              await broker(CreatePartitions, 3, {
                topics: [{ name: 'replicated', count: 2, assignments: [{ brokerIds: [1, 42] }] }],
                timeoutMs: 10_000,
                validateOnly: false,
              })
            ).results[0]!,
          ),
        /^INVALID_REPLICA_ASSIGNMENT: /,
      ],
    },
    'a reassignment': {
      'to an unknown broker': [() => reassigned('replicated', [1, 42]), /^INVALID_REPLICA_ASSIGNMENT: /],
      'to nobody': [() => reassigned('replicated', []), /^INVALID_REPLICA_ASSIGNMENT: /],
      'to a broker twice': [() => reassigned('replicated', [1, 1]), /^INVALID_REPLICA_ASSIGNMENT: /],
      'to a negative broker': [() => reassigned('replicated', [1, -2]), /^INVALID_REPLICA_ASSIGNMENT: /],
      'of an unknown topic': [() => reassigned('nowhere', [1]), /^UNKNOWN_TOPIC_OR_PARTITION: /],
      'to more brokers where that is not allowed': [
        () => reassigned('replicated', [1, 2, 3], false),
        /^INVALID_REPLICATION_FACTOR: /,
      ],
      'that is cancelled and was none': [() => reassigned('replicated', null), /^NO_REASSIGNMENT_IN_PROGRESS: /],
    },
    'an election': {
      'of an unknown topic': [() => elected('nowhere', 0), /^UNKNOWN_TOPIC_OR_PARTITION: /],
      'of an unknown partition': [() => elected('replicated', 0, 7), /^UNKNOWN_TOPIC_OR_PARTITION: /],
      'of the preferred leader that leads': [() => elected('replicated', 0), /^ELECTION_NOT_NEEDED: /],
      'of anybody while somebody leads': [() => elected('replicated', 1), /^ELECTION_NOT_NEEDED: /],
    },
  }
}
