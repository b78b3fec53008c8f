/**
 * AlterPartitionReassignments (key 45): moves replicas to other brokers, or cancels a move. 1 may keep the replication factor
 * fixed.
 */
import { api } from '../api.ts'
import { array, bool, int16, int32, message, string, type ValueOf } from '../schema.ts'

export const AlterPartitionReassignmentsRequest = message(
  'AlterPartitionReassignmentsRequest',
  { versions: '0-1', flexible: 0 },
  {
    timeoutMs: int32({ default: 60000 }),
    allowReplicationFactorChange: bool({ since: 1, default: true }),
    topics: array({
      name: string({ entity: 'topicName' }),
      partitions: array({
        partitionIndex: int32(),
        replicas: array({ nullable: true, default: null, entity: 'brokerId' }, int32()),
      }),
    }),
  },
)

export interface AlterPartitionReassignmentsRequest extends ValueOf<typeof AlterPartitionReassignmentsRequest> {}

export const AlterPartitionReassignmentsResponse = message(
  'AlterPartitionReassignmentsResponse',
  { versions: '0-1', flexible: 0 },
  {
    throttleTimeMs: int32(),
    allowReplicationFactorChange: bool({ since: 1, default: true, ignorable: true }),
    errorCode: int16(),
    errorMessage: string({ nullable: true }),
    responses: array({
      name: string({ entity: 'topicName' }),
      partitions: array({ partitionIndex: int32(), errorCode: int16(), errorMessage: string({ nullable: true }) }),
    }),
  },
)

export interface AlterPartitionReassignmentsResponse extends ValueOf<typeof AlterPartitionReassignmentsResponse> {}

export const AlterPartitionReassignments = api({
  key: 45,
  name: 'AlterPartitionReassignments',
  listeners: ['broker', 'controller'],
  forwarded: true,
  request: AlterPartitionReassignmentsRequest,
  response: AlterPartitionReassignmentsResponse,
})
