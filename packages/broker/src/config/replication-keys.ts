import { declaring, unlimited } from './declare.ts'

const { int, long, string } = declaring('broker')
const dynamic = true

/** How replicas follow their leaders. */
export const replicationKeys = {
  replicaLagTimeMaxMs: long(
    'replica.lag.time.max.ms',
    30_000,
    'A follower that did not reach its leader for so long leaves the in-sync set.',
  ),
  replicaFetchMaxBytes: int('replica.fetch.max.bytes', 2 ** 20, 'Bytes of one partition in the answer to a follower.', {
    min: 0,
  }),
  replicaFetchResponseMaxBytes: int('replica.fetch.response.max.bytes', 10 * 2 ** 20, 'Bytes of a whole answer to a follower.', {
    min: 0,
  }),
  replicaFetchWaitMaxMs: int('replica.fetch.wait.max.ms', 500, "A follower's fetch waits so long for new records.", { min: 0 }),
  replicaFetchMinBytes: int('replica.fetch.min.bytes', 1, "A follower's fetch is answered when there is so much."),
  replicaFetchBackoffMs: int('replica.fetch.backoff.ms', 1000, 'A follower fetches a partition again so long after an error.', {
    min: 0,
  }),
  replicaSocketTimeoutMs: int(
    'replica.socket.timeout.ms',
    30_000,
    'A follower gives up a fetch without an answer after so long; at least replica.fetch.wait.max.ms.',
  ),
  numReplicaFetchers: int('num.replica.fetchers', 1, 'Connections over which a broker follows each of the others.', {
    dynamic,
    min: 1,
  }),
  replicaSelectorClass: string(
    'replica.selector.class',
    null,
    'org.apache.kafka.common.replica.RackAwareReplicaSelector lets consumers fetch from a replica in their rack.',
  ),
  leaderReplicationThrottledRate: long(
    'leader.replication.throttled.rate',
    unlimited,
    'Bytes a second that a leader sends of throttled replicas.',
    { dynamic, min: 0 },
  ),
  followerReplicationThrottledRate: long(
    'follower.replication.throttled.rate',
    unlimited,
    'Bytes a second that a follower takes of throttled replicas.',
    { dynamic, min: 0 },
  ),
  replicaAlterLogDirsIoMaxBytesPerSecond: long(
    'replica.alter.log.dirs.io.max.bytes.per.second',
    unlimited,
    'Bytes a second that move between the log directories of a broker.',
    { dynamic, min: 0 },
  ),
  replicationQuotaWindowNum: int('replication.quota.window.num', 11, 'Samples over which replication is throttled.', { min: 1 }),
  replicationQuotaWindowSizeSeconds: int('replication.quota.window.size.seconds', 1, 'Length of one such sample.', { min: 1 }),
  logDirFailureTimeoutMs: long(
    'log.dir.failure.timeout.ms',
    30_000,
    'A broker that could not tell the controller of a failed log directory for so long stops.',
    { min: 1 },
  ),
}
