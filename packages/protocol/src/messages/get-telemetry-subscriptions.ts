/** GetTelemetrySubscriptions (key 71): which of its metrics a client should push (KIP-714). */
import { api } from '../api.ts'
import { array, bool, int8, int16, int32, message, string, uuid, type ValueOf } from '../schema.ts'

export const GetTelemetrySubscriptionsRequest = message(
  'GetTelemetrySubscriptionsRequest',
  { versions: '0', flexible: 0 },
  { clientInstanceId: uuid() },
)

export interface GetTelemetrySubscriptionsRequest extends ValueOf<typeof GetTelemetrySubscriptionsRequest> {}

export const GetTelemetrySubscriptionsResponse = message(
  'GetTelemetrySubscriptionsResponse',
  { versions: '0', flexible: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    clientInstanceId: uuid(),
    subscriptionId: int32(),
    acceptedCompressionTypes: array(int8()),
    pushIntervalMs: int32(),
    telemetryMaxBytes: int32(),
    deltaTemporality: bool(),
    requestedMetrics: array(string()),
  },
)

export interface GetTelemetrySubscriptionsResponse extends ValueOf<typeof GetTelemetrySubscriptionsResponse> {}

export const GetTelemetrySubscriptions = api({
  key: 71,
  name: 'GetTelemetrySubscriptions',
  listeners: ['broker'],
  request: GetTelemetrySubscriptionsRequest,
  response: GetTelemetrySubscriptionsResponse,
})
