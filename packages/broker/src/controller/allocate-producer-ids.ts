import { type AllocateProducerIdsRequest, type AllocateProducerIdsResponse, ErrorCode } from '@millrace/protocol'
import { isCurrentBroker } from './broker-epoch.ts'
import type { ControllerState, Decision } from './decision.ts'

/** Producer ids that a broker is given at a time. */
export const producerIdBlockSize = 1000

/** AllocateProducerIds: a block is given once, to one broker. */
export function decideAllocateProducerIds(
  state: ControllerState,
  request: AllocateProducerIdsRequest,
): Decision<AllocateProducerIdsResponse> {
  const { brokerId, brokerEpoch } = request
  const refused = (errorCode: number) => ({
    records: [],
    response: { throttleTimeMs: 0, errorCode, producerIdStart: 0, producerIdLen: 0 },
  })
  if (!isCurrentBroker(state.image, request)) return refused(ErrorCode.STALE_BROKER_EPOCH)
  const producerIdStart = state.image.nextProducerId
  if (producerIdStart + producerIdBlockSize > Number.MAX_SAFE_INTEGER) return refused(ErrorCode.UNKNOWN_SERVER_ERROR)
  const nextProducerId = producerIdStart + producerIdBlockSize
  return {
    records: [{ type: 'ProducerIdsRecord', value: { brokerId, brokerEpoch, nextProducerId } }],
    response: { throttleTimeMs: 0, errorCode: ErrorCode.NONE, producerIdStart, producerIdLen: producerIdBlockSize },
  }
}
