/** Topic `__remote_log_metadata`: segments in tiered storage. */
import { array, bool, bytes, int8, int32, int64, message, string, struct, uuid, type ValueOf } from '../../schema.ts'

export const RemoteLogSegmentMetadataRecord = message(
  'RemoteLogSegmentMetadataRecord',
  { type: 0, versions: '0', flexible: 0 },
  {
    remoteLogSegmentId: struct({ topicIdPartition: struct({ name: string(), id: uuid(), partition: int32() }), id: uuid() }),
    startOffset: int64(),
    endOffset: int64(),
    brokerId: int32(),
    maxTimestampMs: int64(),
    eventTimestampMs: int64(),
    segmentLeaderEpochs: array({ leaderEpoch: int32(), offset: int64() }),
    segmentSizeInBytes: int32(),
    customMetadata: bytes({ nullable: true, default: null }),
    remoteLogSegmentState: int8(),
    txnIndexEmpty: bool({ tag: 0 }),
  },
)

export interface RemoteLogSegmentMetadataRecord extends ValueOf<typeof RemoteLogSegmentMetadataRecord> {}

export const RemoteLogSegmentMetadataUpdateRecord = message(
  'RemoteLogSegmentMetadataUpdateRecord',
  { type: 1, versions: '0', flexible: 0 },
  {
    remoteLogSegmentId: struct({ topicIdPartition: struct({ name: string(), id: uuid(), partition: int32() }), id: uuid() }),
    brokerId: int32(),
    eventTimestampMs: int64(),
    customMetadata: bytes({ nullable: true, default: null }),
    remoteLogSegmentState: int8(),
  },
)

export interface RemoteLogSegmentMetadataUpdateRecord extends ValueOf<typeof RemoteLogSegmentMetadataUpdateRecord> {}

export const RemoteLogSegmentMetadataSnapshotRecord = message(
  'RemoteLogSegmentMetadataSnapshotRecord',
  { type: 3, versions: '0', flexible: 0 },
  {
    segmentId: uuid(),
    startOffset: int64(),
    endOffset: int64(),
    brokerId: int32(),
    maxTimestampMs: int64(),
    eventTimestampMs: int64(),
    segmentLeaderEpochs: array({ leaderEpoch: int32(), offset: int64() }),
    segmentSizeInBytes: int32(),
    customMetadata: bytes({ nullable: true, default: null }),
    remoteLogSegmentState: int8(),
    txnIndexEmpty: bool({ tag: 0 }),
  },
)

export interface RemoteLogSegmentMetadataSnapshotRecord extends ValueOf<typeof RemoteLogSegmentMetadataSnapshotRecord> {}

export const RemotePartitionDeleteMetadataRecord = message(
  'RemotePartitionDeleteMetadataRecord',
  { type: 2, versions: '0', flexible: 0 },
  {
    topicIdPartition: struct({ name: string(), id: uuid(), partition: int32() }),
    brokerId: int32(),
    eventTimestampMs: int64(),
    remotePartitionDeleteState: int8(),
  },
)

export interface RemotePartitionDeleteMetadataRecord extends ValueOf<typeof RemotePartitionDeleteMetadataRecord> {}
