/**
 * FindCoordinator (key 10): the broker that keeps a group, a transactional id or a share partition. From 4 several keys at once;
 * 5 only allows TRANSACTION_ABORTABLE.
 */
import { api } from '../api.ts'
import { array, int8, int16, int32, message, string, type ValueOf } from '../schema.ts'

export const FindCoordinatorRequest = message(
  'FindCoordinatorRequest',
  { versions: '0-6', flexible: 3 },
  { key: string({ until: 3 }), keyType: int8({ since: 1 }), coordinatorKeys: array({ since: 4 }, string()) },
)

export interface FindCoordinatorRequest extends ValueOf<typeof FindCoordinatorRequest> {}

export const FindCoordinatorResponse = message(
  'FindCoordinatorResponse',
  { versions: '0-6', flexible: 3 },
  {
    throttleTimeMs: int32({ since: 1, ignorable: true }),
    errorCode: int16({ until: 3 }),
    errorMessage: string({ since: 1, until: 3, nullable: true, ignorable: true }),
    nodeId: int32({ until: 3, entity: 'brokerId' }),
    host: string({ until: 3 }),
    port: int32({ until: 3 }),
    coordinators: array(
      { since: 4 },
      {
        key: string(),
        nodeId: int32({ entity: 'brokerId' }),
        host: string(),
        port: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: true, ignorable: true }),
      },
    ),
  },
)

export interface FindCoordinatorResponse extends ValueOf<typeof FindCoordinatorResponse> {}

export const FindCoordinator = api({
  key: 10,
  name: 'FindCoordinator',
  listeners: ['broker'],
  request: FindCoordinatorRequest,
  response: FindCoordinatorResponse,
})
