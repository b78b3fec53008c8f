import { ErrorCode, type UnregisterBrokerRequest, type UnregisterBrokerResponse } from '@millrace/protocol'
import { partitionChangesFor } from './broker-outlook.ts'
import type { ControllerState, Decision } from './decision.ts'

/** UnregisterBroker: a broker that will not come back leaves the in-sync sets and the eligible replicas, and is forgotten. */
export function decideUnregisterBroker(
  state: ControllerState,
  { brokerId }: UnregisterBrokerRequest,
): Decision<UnregisterBrokerResponse> {
  const broker = state.image.broker(brokerId)
  if (!broker) {
    const errorMessage = `Broker ID ${brokerId} is not currently registered`
    return { records: [], response: { throttleTimeMs: 0, errorCode: ErrorCode.BROKER_ID_NOT_REGISTERED, errorMessage } }
  }
  state.sessions.end(brokerId)
  return {
    records: [
      ...partitionChangesFor(state, { brokerId, canLead: false, unclean: true }),
      { type: 'UnregisterBrokerRecord', value: { brokerId, brokerEpoch: broker.epoch } },
    ],
    response: { throttleTimeMs: 0, errorCode: ErrorCode.NONE, errorMessage: null },
    splittable: true,
    notice: { level: 'info', event: 'controller.broker-unregistered', facts: { brokerId, epoch: broker.epoch } },
  }
}
