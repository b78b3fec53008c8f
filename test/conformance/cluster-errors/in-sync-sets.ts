import { AlterPartition } from '@millrace/protocol'
import { actor, type ClusterErrorsScene, otherId, type Refusals } from './scene.ts'

/** Of what leaders ask the controller. */
export function inSyncSetRefusals(scene: ClusterErrorsScene): Refusals {
  const { change, changed, inactive, code } = scene

  return {
    AlterPartition: {
      'of an unknown topic': [() => changed({}, { topics: [{ ...change().topics[0]!, topicId: otherId }] }), 'UNKNOWN_TOPIC_ID'],
      'of an unknown partition': [() => changed({ partitionIndex: 5 }), 'UNKNOWN_TOPIC_OR_PARTITION'],
      'from an older leader epoch': [() => changed({ leaderEpoch: -1 }), 'FENCED_LEADER_EPOCH'],
      'from a leader epoch of the future': [() => changed({ leaderEpoch: 1 }), 'NOT_CONTROLLER'],
      'from an older partition epoch': [() => changed({ partitionEpoch: -1 }), 'INVALID_UPDATE_VERSION'],
      'from a partition epoch of the future': [() => changed({ partitionEpoch: 1 }), 'NOT_CONTROLLER'],
      'with a broker that has no replica': [
        () => changed({ newIsrWithEpochs: [actor, 3].map(brokerId => ({ brokerId, brokerEpoch: -1 })) }),
        'INVALID_REQUEST',
      ],
      'without the leader': [() => changed({ newIsrWithEpochs: [{ brokerId: 1, brokerEpoch: -1 }] }), 'INVALID_REQUEST'],
      'with nobody': [() => changed({ newIsrWithEpochs: [] }), 'INVALID_REQUEST'],
      'with a replica of the past': [
        () =>
          changed({
            newIsrWithEpochs: [
              { brokerId: actor, brokerEpoch: scene.actorEpoch },
              { brokerId: 1, brokerEpoch: 0 },
            ],
          }),
        'INELIGIBLE_REPLICA',
      ],
      'with a recovery that is not over': [() => changed({ leaderRecoveryState: 1 }), 'INVALID_REQUEST'],
      'by one that does not lead': [
        () => changed({}, { topics: [{ topicId: scene.replicatedId, partitions: change().topics[0]!.partitions }] }),
        'INVALID_REQUEST',
      ],
      'at a controller that is not active': [async () => code(await inactive(AlterPartition, 3, change())), 'NOT_CONTROLLER'],
    },
  }
}
