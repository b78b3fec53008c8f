import { declaring } from './declare.ts'

const { boolean, int, string } = declaring('group')

/** Settings of one group (resource type 32): kept and shown; the group protocols that read them are not served yet. Ranges are those of Kafka's default broker settings. */
export const groupConfigKeys = {
  consumerSessionTimeoutMs: int('consumer.session.timeout.ms', 45_000, "Session timeout of a consumer group's members.", {
    min: 45_000,
    max: 60_000,
  }),
  consumerHeartbeatIntervalMs: int('consumer.heartbeat.interval.ms', 5000, "Heartbeat interval of a consumer group's members.", {
    min: 5000,
    max: 15_000,
  }),
  consumerAssignmentIntervalMs: int(
    'consumer.assignment.interval.ms',
    1000,
    'Least time between two assignments of a consumer group.',
    {
      min: 0,
      max: 15_000,
    },
  ),
  shareSessionTimeoutMs: int('share.session.timeout.ms', 45_000, "Session timeout of a share group's members.", {
    min: 45_000,
    max: 60_000,
  }),
  shareHeartbeatIntervalMs: int('share.heartbeat.interval.ms', 5000, "Heartbeat interval of a share group's members.", {
    min: 5000,
    max: 15_000,
  }),
  shareRecordLockDurationMs: int('share.record.lock.duration.ms', 30_000, 'A record of a share group is locked for so long.', {
    min: 15_000,
    max: 60_000,
  }),
  shareDeliveryCountLimit: int('share.delivery.count.limit', 5, 'A record of a share group is delivered so often at the most.', {
    min: 2,
    max: 10,
  }),
  sharePartitionMaxRecordLocks: int(
    'share.partition.max.record.locks',
    2000,
    'Records of a partition that a share group has locked.',
    {
      min: 100,
      max: 10_000,
    },
  ),
  shareAssignmentIntervalMs: int('share.assignment.interval.ms', 1000, 'Least time between two assignments of a share group.', {
    min: 0,
    max: 15_000,
  }),
  shareRenewAcknowledgeEnable: boolean(
    'share.renew.acknowledge.enable',
    true,
    "Members of a share group may renew a record's lock.",
  ),
  shareAutoOffsetReset: string(
    'share.auto.offset.reset',
    'latest',
    'Where a share group starts: latest, earliest or by_duration:<ISO 8601 duration>.',
  ),
  shareIsolationLevel: string('share.isolation.level', 'read_uncommitted', 'What a share group reads of transactions.', {
    valid: ['read_uncommitted', 'read_committed'],
  }),
  streamsSessionTimeoutMs: int('streams.session.timeout.ms', 45_000, "Session timeout of a streams group's members.", {
    min: 45_000,
    max: 60_000,
  }),
  streamsHeartbeatIntervalMs: int('streams.heartbeat.interval.ms', 5000, "Heartbeat interval of a streams group's members.", {
    min: 5000,
    max: 15_000,
  }),
  streamsAssignmentIntervalMs: int(
    'streams.assignment.interval.ms',
    1000,
    'Least time between two assignments of a streams group.',
    {
      min: 0,
      max: 15_000,
    },
  ),
  streamsInitialRebalanceDelayMs: int(
    'streams.initial.rebalance.delay.ms',
    3000,
    'An empty streams group waits so long for further members.',
    {
      min: 0,
    },
  ),
  streamsNumStandbyReplicas: int('streams.num.standby.replicas', 0, 'Standby tasks of a streams group.', { min: 0, max: 2 }),
}
