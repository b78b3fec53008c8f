/** AssignReplicasToDirs (key 73): a broker says in which of its log directories replicas live. */
import { api } from '../api.ts'
import { array, int16, int32, int64, message, uuid, type ValueOf } from '../schema.ts'

export const AssignReplicasToDirsRequest = message(
  'AssignReplicasToDirsRequest',
  { versions: '0', flexible: 0 },
  {
    brokerId: int32({ entity: 'brokerId' }),
    brokerEpoch: int64({ default: -1 }),
    directories: array({ id: uuid(), topics: array({ topicId: uuid(), partitions: array({ partitionIndex: int32() }) }) }),
  },
)

export interface AssignReplicasToDirsRequest extends ValueOf<typeof AssignReplicasToDirsRequest> {}

export const AssignReplicasToDirsResponse = message(
  'AssignReplicasToDirsResponse',
  { versions: '0', flexible: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    directories: array({
      id: uuid(),
      topics: array({ topicId: uuid(), partitions: array({ partitionIndex: int32(), errorCode: int16() }) }),
    }),
  },
)

export interface AssignReplicasToDirsResponse extends ValueOf<typeof AssignReplicasToDirsResponse> {}

export const AssignReplicasToDirs = api({
  key: 73,
  name: 'AssignReplicasToDirs',
  listeners: ['controller'],
  request: AssignReplicasToDirsRequest,
  response: AssignReplicasToDirsResponse,
})
