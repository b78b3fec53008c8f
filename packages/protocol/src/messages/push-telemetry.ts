/** PushTelemetry (key 72): a client pushes its metrics (KIP-714). */
import { api } from '../api.ts'
import { bool, bytes, int8, int16, int32, message, uuid, type ValueOf } from '../schema.ts'

export const PushTelemetryRequest = message(
  'PushTelemetryRequest',
  { versions: '0', flexible: 0 },
  { clientInstanceId: uuid(), subscriptionId: int32(), terminating: bool(), compressionType: int8(), metrics: bytes() },
)

export interface PushTelemetryRequest extends ValueOf<typeof PushTelemetryRequest> {}

export const PushTelemetryResponse = message(
  'PushTelemetryResponse',
  { versions: '0', flexible: 0 },
  { throttleTimeMs: int32(), errorCode: int16() },
)

export interface PushTelemetryResponse extends ValueOf<typeof PushTelemetryResponse> {}

export const PushTelemetry = api({
  key: 72,
  name: 'PushTelemetry',
  listeners: ['broker'],
  request: PushTelemetryRequest,
  response: PushTelemetryResponse,
})
