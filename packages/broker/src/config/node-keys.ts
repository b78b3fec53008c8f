import { declaring } from './declare.ts'

const { boolean, int, list, long, short, string } = declaring('broker')

/** The node: its roles, quorum, directories, and what it does for topics. */
export const nodeKeys = {
  processRoles: list('process.roles', undefined, 'What this process is: broker, controller, or both.', {
    valid: ['broker', 'controller'],
  }),
  nodeId: int('node.id', undefined, 'Number of this node, unique in the cluster.', { min: 0, fallbacks: ['broker.id'] }),
  brokerId: int('broker.id', null, 'Old name of node.id, read when node.id is not given.'),
  brokerRack: string('broker.rack', null, 'Where this node stands, for placing replicas apart.'),
  logDirs: list('log.dirs', null, 'Directories for the data, separated by commas.', { fallbacks: ['log.dir'] }),
  logDir: list('log.dir', ['/tmp/kafka-logs'], 'Directory for the data when log.dirs is not given.'),
  metadataLogDir: string('metadata.log.dir', null, 'Directory of the metadata log; the first of log.dirs when not given.'),
  metadataLogSegmentBytes: int('metadata.log.segment.bytes', 2 ** 30, 'Size at which the metadata log starts a new segment.', {
    min: 8 * 2 ** 20,
  }),
  metadataLogSegmentMs: long('metadata.log.segment.ms', 604_800_000, 'Age at which the metadata log starts a new segment.'),
  metadataLogMaxRecordBytesBetweenSnapshots: long(
    'metadata.log.max.record.bytes.between.snapshots',
    20 * 2 ** 20,
    'Bytes of metadata records after which a snapshot is written.',
    { min: 1 },
  ),
  metadataLogMaxSnapshotIntervalMs: long(
    'metadata.log.max.snapshot.interval.ms',
    3_600_000,
    'Time after which a snapshot is written if there are new records; 0 turns that off.',
    { min: 0 },
  ),
  metadataMaxRetentionBytes: long(
    'metadata.max.retention.bytes',
    100 * 2 ** 20,
    'Size of metadata log and snapshots above which the oldest are deleted; a newer snapshot always stays.',
  ),
  metadataMaxRetentionMs: long(
    'metadata.max.retention.ms',
    604_800_000,
    'Age of a metadata snapshot or segment above which it is deleted; a newer snapshot always stays.',
  ),
  numPartitions: int('num.partitions', 1, 'Partitions of a topic that is created without a number.', { min: 1 }),
  defaultReplicationFactor: int('default.replication.factor', 1, 'Replicas of a topic that is created without a number.'),
  autoCreateTopicsEnable: boolean('auto.create.topics.enable', true, 'A client that asks for an unknown topic gets it created.'),
  deleteTopicEnable: boolean('delete.topic.enable', true, 'Topics may be deleted.'),
  maxRequestPartitionSizeLimit: int(
    'max.request.partition.size.limit',
    2000,
    'Most partitions in one answer to DescribeTopicPartitions.',
    {
      min: 1,
    },
  ),
  offsetsTopicNumPartitions: int('offsets.topic.num.partitions', 50, 'Partitions of __consumer_offsets when it is created.', {
    min: 1,
  }),
  offsetsTopicReplicationFactor: short(
    'offsets.topic.replication.factor',
    3,
    'Replicas of __consumer_offsets when it is created.',
    {
      min: 1,
    },
  ),
  offsetsTopicSegmentBytes: int(
    'offsets.topic.segment.bytes',
    100 * 2 ** 20,
    'segment.bytes of __consumer_offsets when it is created.',
    {
      min: 1,
    },
  ),
}
