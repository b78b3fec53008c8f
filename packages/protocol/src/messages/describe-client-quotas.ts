/** DescribeClientQuotas (key 48): quotas of users, client ids and addresses. */
import { api } from '../api.ts'
import { array, bool, float64, int8, int16, int32, message, string, type ValueOf } from '../schema.ts'

export const DescribeClientQuotasRequest = message(
  'DescribeClientQuotasRequest',
  { versions: '0-1', flexible: 1 },
  { components: array({ entityType: string(), matchType: int8(), match: string({ nullable: true }) }), strict: bool() },
)

export interface DescribeClientQuotasRequest extends ValueOf<typeof DescribeClientQuotasRequest> {}

export const DescribeClientQuotasResponse = message(
  'DescribeClientQuotasResponse',
  { versions: '0-1', flexible: 1 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: true }),
    entries: array(
      { nullable: true },
      {
        entity: array({ entityType: string(), entityName: string({ nullable: true }) }),
        values: array({ key: string(), value: float64() }),
      },
    ),
  },
)

export interface DescribeClientQuotasResponse extends ValueOf<typeof DescribeClientQuotasResponse> {}

export const DescribeClientQuotas = api({
  key: 48,
  name: 'DescribeClientQuotas',
  listeners: ['broker'],
  request: DescribeClientQuotasRequest,
  response: DescribeClientQuotasResponse,
})
