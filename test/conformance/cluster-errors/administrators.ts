import {
  type Draft,
  Envelope,
  type EnvelopeRequest,
  IncrementalAlterConfigs,
  UnregisterBroker,
  UpdateFeatures,
} from '@millrace/protocol'
import { RawConnection } from '../../security/raw-connection.ts'
import type { ClusterErrorsScene, Refusals } from './scene.ts'

/** Of what administrators ask. */
export function administratorRefusals(scene: ClusterErrorsScene): Refusals {
  const { broker, code, told } = scene
  const updated = async (feature: string, maxVersionLevel: number) =>
    told(
      await broker(UpdateFeatures, 2, {
        timeoutMs: 10_000,
        featureUpdates: [{ feature, maxVersionLevel }],
        validateOnly: false,
      }),
    )
  const configured = async (resourceName: string, name: string, value: string) => {
    const { responses } = await broker(IncrementalAlterConfigs, 1, {
      resources: [{ resourceType: 4, resourceName, configs: [{ name, configOperation: 0, value }] }],
      validateOnly: false,
    })
    return told(responses[0]!)
  }
  /** On a connection of its own, which may not outlive it. */
  const enveloped = async (address: string, envelope: Draft<EnvelopeRequest>) => {
    const connection = await RawConnection.open(Number(address.split(':')[1]))
    try {
      return code(await connection.request(Envelope, 0, envelope))
    } catch (error) {
      return (error as Error).message
    } finally {
      connection.close()
    }
  }

  return {
    'an administrator': {
      'who unregisters nobody': [
        async () => told(await broker(UnregisterBroker, 0, { brokerId: 77 })),
        /^BROKER_ID_NOT_REGISTERED: /,
      ],
      'who upgrades what is unknown': [
        () => updated('tea.version', 1),
        /^INVALID_UPDATE_VERSION: .*Invalid update version 1 for feature tea\.version\./,
      ],
      'who downgrades the metadata without a word about loss': [
        () => updated('metadata.version', 8),
        /^INVALID_UPDATE_VERSION: .*Invalid update version 8 for feature metadata\.version\. Can't downgrade/,
      ],
      'who configures a broker with a word for a number': [
        () => configured('1', 'leader.replication.throttled.rate', 'fast'),
        /^INVALID_REQUEST: Invalid value fast for configuration leader\.replication\.throttled\.rate/,
      ],
      'who configures a broker that is none': [
        () => configured('one', 'log.cleaner.threads', '2'),
        'INVALID_REQUEST: Node id must be an integer, but it is: one',
      ],
      'who takes the voice of another': [
        () =>
          enveloped(scene.cluster.node(scene.leaderId).controller, {
            requestData: Buffer.from('nonsense'),
            requestPrincipal: Buffer.alloc(0),
            clientHostAddress: Buffer.of(127, 0, 0, 1),
          }),
        'PRINCIPAL_DESERIALIZATION_FAILURE',
      ],
      'who sends an envelope to a broker': [
        () =>
          enveloped(scene.cluster.node(1).bootstrapServers, {
            requestData: Buffer.alloc(0),
            requestPrincipal: null,
            clientHostAddress: Buffer.alloc(0),
          }),
        'the connection was closed instead of answered',
      ],
    },
  }
}
