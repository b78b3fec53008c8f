import { declaring } from './declare.ts'

const { int, string } = declaring('group')

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
  streamsNumStandbyReplicas: int('streams.num.standby.replicas', 0, 'Standby tasks of a streams group.', { min: 0, max: 2 }),
}
