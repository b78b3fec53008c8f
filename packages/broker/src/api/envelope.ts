import { type Draft, Envelope, type EnvelopeRequest, type EnvelopeResponse, ErrorCode, KafkaError } from '@millrace/protocol'
import { unwrapRequest, type WrappedRequest, wrapResponse } from '../channel/envelope.ts'
import type { ControllerServices } from './controller-services.ts'
import type { ApiHandler } from './handler.ts'
import { refusalFor } from './refusal.ts'

/** Envelope (KIP-590): a client's request that a broker passed on. Only the active controller opens it. */
export function envelopeHandler(): ApiHandler<EnvelopeRequest, Draft<EnvelopeResponse>, ControllerServices> {
  return {
    api: Envelope,
    versions: { min: 0, max: 0 },
    async handle(request, _, { quorum, logger }) {
      if (!quorum.active) return { responseData: null, errorCode: ErrorCode.NOT_CONTROLLER }
      let wrapped: WrappedRequest
      try {
        wrapped = unwrapRequest(request)
      } catch (error) {
        if (error instanceof KafkaError) return { responseData: null, errorCode: error.errorCode }
        throw error
      }
      const { api, version, request: inner } = wrapped
      try {
        const response = await quorum.request(api, version, inner)
        return { responseData: wrapResponse(wrapped, response), errorCode: ErrorCode.NONE }
      } catch (error) {
        // The broker looks for the new controller; everything else is the client's answer.
        if (error instanceof KafkaError && error.errorCode === ErrorCode.NOT_CONTROLLER)
          return { responseData: null, errorCode: ErrorCode.NOT_CONTROLLER }
        return { responseData: wrapResponse(wrapped, refusalFor(api, version, inner, error, logger)), errorCode: ErrorCode.NONE }
      }
    },
  }
}
