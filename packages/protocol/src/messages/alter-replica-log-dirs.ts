/** AlterReplicaLogDirs (key 34): moves replicas between the log directories of a broker. */
import { api } from '../api.ts'
import { array, int16, int32, message, string, type ValueOf } from '../schema.ts'

export const AlterReplicaLogDirsRequest = message(
  'AlterReplicaLogDirsRequest',
  { versions: '1-2', flexible: 2 },
  {
    dirs: array({
      path: string({ mapKey: true }),
      topics: array({ name: string({ mapKey: true, entity: 'topicName' }), partitions: array(int32()) }),
    }),
  },
)

export interface AlterReplicaLogDirsRequest extends ValueOf<typeof AlterReplicaLogDirsRequest> {}

export const AlterReplicaLogDirsResponse = message(
  'AlterReplicaLogDirsResponse',
  { versions: '1-2', flexible: 2 },
  {
    throttleTimeMs: int32(),
    results: array({
      topicName: string({ entity: 'topicName' }),
      partitions: array({ partitionIndex: int32(), errorCode: int16() }),
    }),
  },
)

export interface AlterReplicaLogDirsResponse extends ValueOf<typeof AlterReplicaLogDirsResponse> {}

export const AlterReplicaLogDirs = api({
  key: 34,
  name: 'AlterReplicaLogDirs',
  listeners: ['broker'],
  request: AlterReplicaLogDirsRequest,
  response: AlterReplicaLogDirsResponse,
})
