import { AllocateProducerIds, AssignReplicasToDirs, BrokerHeartbeat, BrokerRegistration } from '@millrace/protocol'
import { actor, actorDirectory, type ClusterErrorsScene, otherCluster, otherId, type Refusals } from './scene.ts'

/** Of what brokers ask the controller. */
export function brokerRefusals(scene: ClusterErrorsScene): Refusals {
  const { changed, controller, inactive, code, features, registration, heartbeat } = scene

  return {
    'a broker that registers': {
      'for another cluster': [
        async () => code(await controller(BrokerRegistration, 4, registration({ clusterId: otherCluster }))),
        'INCONSISTENT_CLUSTER_ID',
      ],
      'with an id in use': [
        async () =>
          code(
            await controller(BrokerRegistration, 4, registration({ brokerId: 1, incarnationId: otherId, logDirs: [otherId] })),
          ),
        'DUPLICATE_BROKER_REGISTRATION',
      ],
      'too old for the metadata.version': [
        async () =>
          code(
            await controller(
              BrokerRegistration,
              4,
              registration({
                brokerId: 10,
                incarnationId: otherId,
                logDirs: [otherId],
                features: features.map(feature =>
                  feature.name === 'metadata.version' ? { ...feature, maxSupportedVersion: 20 } : feature,
                ),
              }),
            ),
          ),
        'UNSUPPORTED_VERSION',
      ],
      'without a directory': [
        async () =>
          code(await controller(BrokerRegistration, 4, registration({ brokerId: 10, incarnationId: otherId, logDirs: [] }))),
        'INVALID_REGISTRATION',
      ],
      'with the directory of another one': [
        async () =>
          code(
            await controller(
              BrokerRegistration,
              4,
              registration({ brokerId: 10, incarnationId: otherId, logDirs: [actorDirectory] }),
            ),
          ),
        'INVALID_REGISTRATION',
      ],
      'with a controller that is not active': [
        async () => code(await inactive(BrokerRegistration, 4, registration())),
        'NOT_CONTROLLER',
      ],
    },
    'a broker of the past': {
      'beats with an old epoch': [
        async () => code(await controller(BrokerHeartbeat, 1, heartbeat({ brokerEpoch: scene.actorEpoch - 1 }))),
        'STALE_BROKER_EPOCH',
      ],
      'beats without being registered': [
        async () => code(await controller(BrokerHeartbeat, 1, heartbeat({ brokerId: 77 }))),
        'STALE_BROKER_EPOCH',
      ],
      'beats at a controller that is not active': [
        async () => code(await inactive(BrokerHeartbeat, 1, heartbeat())),
        'NOT_CONTROLLER',
      ],
      'asks for producer ids': [
        async () => code(await controller(AllocateProducerIds, 0, { brokerId: actor, brokerEpoch: scene.actorEpoch - 1 })),
        'STALE_BROKER_EPOCH',
      ],
      'assigns replicas to directories': [
        async () =>
          code(
            await controller(AssignReplicasToDirs, 0, { brokerId: actor, brokerEpoch: scene.actorEpoch - 1, directories: [] }),
          ),
        'STALE_BROKER_EPOCH',
      ],
      'changes an in-sync set': [() => changed({}, { brokerEpoch: scene.actorEpoch - 1 }), 'request: STALE_BROKER_EPOCH'],
    },
  }
}
