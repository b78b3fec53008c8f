/** AllocateProducerIds (key 67): a broker asks the controller for a block of producer ids. */
import { api } from '../api.ts'
import { int16, int32, int64, message, type ValueOf } from '../schema.ts'

export const AllocateProducerIdsRequest = message(
  'AllocateProducerIdsRequest',
  { versions: '0', flexible: 0 },
  { brokerId: int32({ entity: 'brokerId' }), brokerEpoch: int64({ default: -1 }) },
)

export interface AllocateProducerIdsRequest extends ValueOf<typeof AllocateProducerIdsRequest> {}

export const AllocateProducerIdsResponse = message(
  'AllocateProducerIdsResponse',
  { versions: '0', flexible: 0 },
  { throttleTimeMs: int32(), errorCode: int16(), producerIdStart: int64({ entity: 'producerId' }), producerIdLen: int32() },
)

export interface AllocateProducerIdsResponse extends ValueOf<typeof AllocateProducerIdsResponse> {}

export const AllocateProducerIds = api({
  key: 67,
  name: 'AllocateProducerIds',
  listeners: ['controller'],
  clusterAction: true,
  forwarded: true,
  request: AllocateProducerIdsRequest,
  response: AllocateProducerIdsResponse,
})
