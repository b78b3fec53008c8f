/** AlterClientQuotas (key 49): sets or removes quotas. */
import { api } from '../api.ts'
import { array, bool, float64, int16, int32, message, string, type ValueOf } from '../schema.ts'

export const AlterClientQuotasRequest = message(
  'AlterClientQuotasRequest',
  { versions: '0-1', flexible: 1 },
  {
    entries: array({
      entity: array({ entityType: string(), entityName: string({ nullable: true }) }),
      ops: array({ key: string(), value: float64(), remove: bool() }),
    }),
    validateOnly: bool(),
  },
)

export interface AlterClientQuotasRequest extends ValueOf<typeof AlterClientQuotasRequest> {}

export const AlterClientQuotasResponse = message(
  'AlterClientQuotasResponse',
  { versions: '0-1', flexible: 1 },
  {
    throttleTimeMs: int32(),
    entries: array({
      errorCode: int16(),
      errorMessage: string({ nullable: true }),
      entity: array({ entityType: string(), entityName: string({ nullable: true }) }),
    }),
  },
)

export interface AlterClientQuotasResponse extends ValueOf<typeof AlterClientQuotasResponse> {}

export const AlterClientQuotas = api({
  key: 49,
  name: 'AlterClientQuotas',
  listeners: ['broker', 'controller'],
  forwarded: true,
  request: AlterClientQuotasRequest,
  response: AlterClientQuotasResponse,
})
