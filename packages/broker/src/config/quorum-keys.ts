import { declaring } from './declare.ts'

const { boolean, int, list, long } = declaring('broker')

/** The quorum of controllers, and how brokers live with it. */
export const quorumKeys = {
  controllerQuorumVoters: list('controller.quorum.voters', [], 'The static voters as id@host:port.'),
  controllerQuorumBootstrapServers: list(
    'controller.quorum.bootstrap.servers',
    [],
    'Where to find the quorum, as host:port, when the voters are kept in the metadata log.',
  ),
  controllerQuorumElectionTimeoutMs: int(
    'controller.quorum.election.timeout.ms',
    1000,
    'An election without a winner is tried again after so long, and a random time more.',
    { min: 0 },
  ),
  controllerQuorumFetchTimeoutMs: int(
    'controller.quorum.fetch.timeout.ms',
    2000,
    'A voter that could not fetch from the leader for so long asks for an election; a leader that half of the voters left alone for one and a half times as long resigns.',
    { min: 0 },
  ),
  controllerQuorumElectionBackoffMaxMs: int(
    'controller.quorum.election.backoff.max.ms',
    1000,
    'Longest wait of a candidate that lost before it asks again.',
    { min: 0 },
  ),
  controllerQuorumRequestTimeoutMs: int(
    'controller.quorum.request.timeout.ms',
    2000,
    'A request between members of the quorum fails after so long.',
    { min: 0 },
  ),
  controllerQuorumRetryBackoffMs: int(
    'controller.quorum.retry.backoff.ms',
    20,
    'Wait before a failed request to a member of the quorum is sent again.',
    { min: 0 },
  ),
  controllerQuorumFetchMaxBytes: int(
    'controller.quorum.fetch.max.bytes',
    2 ** 20,
    'Bytes of one fetch of the metadata log; a batch is never parted.',
    { min: 0 },
  ),
  controllerQuorumFetchSnapshotMaxBytes: int(
    'controller.quorum.fetch.snapshot.max.bytes',
    2 ** 20,
    'Bytes of one fetch of a metadata snapshot.',
    { min: 1 },
  ),
  controllerQuorumAutoJoinEnable: boolean(
    'controller.quorum.auto.join.enable',
    false,
    'A controller that is no voter of a dynamic quorum adds itself.',
  ),
  brokerHeartbeatIntervalMs: int('broker.heartbeat.interval.ms', 2000, 'Time between two heartbeats of a broker.', { min: 1 }),
  brokerSessionTimeoutMs: int(
    'broker.session.timeout.ms',
    9000,
    'A broker that the active controller does not hear for so long is fenced.',
    { min: 1 },
  ),
  initialBrokerRegistrationTimeoutMs: int(
    'initial.broker.registration.timeout.ms',
    60_000,
    'A broker that could not register for so long after its start gives up.',
    { min: 1 },
  ),
  controlledShutdownEnable: boolean(
    'controlled.shutdown.enable',
    true,
    'A broker that stops has its leaders moved to others first.',
  ),
  metadataMaxIdleIntervalMs: int(
    'metadata.max.idle.interval.ms',
    500,
    'An active controller that wrote nothing for so long writes a record without content; 0 turns that off.',
    { min: 0 },
  ),
  autoLeaderRebalanceEnable: boolean(
    'auto.leader.rebalance.enable',
    true,
    'The controller moves leaders back to the preferred replicas from time to time.',
  ),
  leaderImbalanceCheckIntervalSeconds: long(
    'leader.imbalance.check.interval.seconds',
    300,
    'Time between two looks for partitions that the preferred replica does not lead.',
    { min: 1 },
  ),
  uncleanLeaderElectionIntervalMs: long(
    'unclean.leader.election.interval.ms',
    300_000,
    'Time between two looks for partitions without a leader where an unclean election is allowed.',
    { min: 1 },
  ),
}
