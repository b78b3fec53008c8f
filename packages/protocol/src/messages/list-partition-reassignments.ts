/** ListPartitionReassignments (key 46): the moves of replicas under way. */
import { api } from '../api.ts'
import { array, int16, int32, message, string, type ValueOf } from '../schema.ts'

export const ListPartitionReassignmentsRequest = message(
  'ListPartitionReassignmentsRequest',
  { versions: '0', flexible: 0 },
  {
    timeoutMs: int32({ default: 60000 }),
    topics: array({ nullable: true, default: null }, { name: string({ entity: 'topicName' }), partitionIndexes: array(int32()) }),
  },
)

export interface ListPartitionReassignmentsRequest extends ValueOf<typeof ListPartitionReassignmentsRequest> {}

export const ListPartitionReassignmentsResponse = message(
  'ListPartitionReassignmentsResponse',
  { versions: '0', flexible: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: true }),
    topics: array({
      name: string({ entity: 'topicName' }),
      partitions: array({
        partitionIndex: int32(),
        replicas: array({ entity: 'brokerId' }, int32()),
        addingReplicas: array({ entity: 'brokerId' }, int32()),
        removingReplicas: array({ entity: 'brokerId' }, int32()),
      }),
    }),
  },
)

export interface ListPartitionReassignmentsResponse extends ValueOf<typeof ListPartitionReassignmentsResponse> {}

export const ListPartitionReassignments = api({
  key: 46,
  name: 'ListPartitionReassignments',
  listeners: ['broker', 'controller'],
  forwarded: true,
  request: ListPartitionReassignmentsRequest,
  response: ListPartitionReassignmentsResponse,
})
