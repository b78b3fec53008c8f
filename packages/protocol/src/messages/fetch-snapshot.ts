/** FetchSnapshot (key 59): raft: reads a snapshot of the metadata log in pieces. */
import { api } from '../api.ts'
import { array, int16, int32, int64, message, records, string, struct, uint16, uuid, type ValueOf } from '../schema.ts'

export const FetchSnapshotRequest = message(
  'FetchSnapshotRequest',
  { versions: '0-1', flexible: 0 },
  {
    clusterId: string({ tag: 0, nullable: true, default: null }),
    replicaId: int32({ default: -1, entity: 'brokerId' }),
    maxBytes: int32({ default: 0x7fffffff }),
    topics: array({
      name: string({ entity: 'topicName' }),
      partitions: array({
        partition: int32(),
        currentLeaderEpoch: int32(),
        snapshotId: struct({ endOffset: int64(), epoch: int32() }),
        position: int64(),
        replicaDirectoryId: uuid({ tag: 0, since: 1, ignorable: true }),
      }),
    }),
  },
)

export interface FetchSnapshotRequest extends ValueOf<typeof FetchSnapshotRequest> {}

export const FetchSnapshotResponse = message(
  'FetchSnapshotResponse',
  { versions: '0-1', flexible: 0 },
  {
    throttleTimeMs: int32({ ignorable: true }),
    errorCode: int16(),
    topics: array({
      name: string({ entity: 'topicName' }),
      partitions: array({
        index: int32(),
        errorCode: int16(),
        snapshotId: struct({ endOffset: int64(), epoch: int32() }),
        currentLeader: struct({ tag: 0 }, { leaderId: int32({ entity: 'brokerId' }), leaderEpoch: int32() }),
        size: int64(),
        position: int64(),
        unalignedRecords: records(),
      }),
    }),
    nodeEndpoints: array(
      { tag: 0, since: 1 },
      { nodeId: int32({ mapKey: true, entity: 'brokerId' }), host: string(), port: uint16() },
    ),
  },
)

export interface FetchSnapshotResponse extends ValueOf<typeof FetchSnapshotResponse> {}

export const FetchSnapshot = api({
  key: 59,
  name: 'FetchSnapshot',
  listeners: ['controller'],
  request: FetchSnapshotRequest,
  response: FetchSnapshotResponse,
})
