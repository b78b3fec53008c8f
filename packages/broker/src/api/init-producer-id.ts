import {
  type Draft,
  ErrorCode,
  InitProducerId,
  type InitProducerIdRequest,
  type InitProducerIdResponse,
  KafkaError,
} from '@millrace/protocol'
import type { ProducerIds } from '../producer-ids.ts'
import type { ApiHandler } from './handler.ts'

/**
 * A fresh producer id for an idempotent producer. Transactions have no coordinator here yet: a transactional id is answered with
 * UNSUPPORTED_VERSION, which clients report at once, where "coordinator not available" would make them try for ever.
 */
export function initProducerIdHandler(
  producerIds: ProducerIds,
): ApiHandler<InitProducerIdRequest, Draft<InitProducerIdResponse>> {
  return {
    api: InitProducerId,
    versions: { min: 0, max: 5 },
    async handle(request, { connection }, { logger }) {
      if (request.transactionalId !== null) {
        logger.warn('init-producer-id.refused', {
          client: `${connection.clientHost}:${connection.clientPort}`,
          reason: 'transactions are not served by this version',
        })
        return {
          errorCode: request.transactionalId === '' ? ErrorCode.INVALID_REQUEST : ErrorCode.UNSUPPORTED_VERSION,
          producerEpoch: -1,
        }
      }
      try {
        return { producerId: await producerIds.next(), producerEpoch: 0 }
      } catch (error) {
        if (error instanceof KafkaError) return { errorCode: error.errorCode, producerEpoch: -1 }
        throw error
      }
    },
  }
}
