/**
 * Produce (key 0): appends record batches. Versions 12 and later add partitions to the transaction by themselves (KIP-890); from
 * 13 topics go by id. Brokers advertise it from version 0 for librdkafka (KAFKA-18659) and refuse 0 to 2.
 */
import { api } from '../api.ts'
import { array, int16, int32, int64, message, records, string, struct, uuid, type ValueOf } from '../schema.ts'

export const ProduceRequest = message(
  'ProduceRequest',
  { versions: '3-13', flexible: 9 },
  {
    transactionalId: string({ nullable: true, default: null, entity: 'transactionalId' }),
    acks: int16(),
    timeoutMs: int32(),
    topicData: array({
      name: string({ until: 12, ignorable: true, mapKey: true, entity: 'topicName' }),
      topicId: uuid({ since: 13, ignorable: true, mapKey: true }),
      partitionData: array({ index: int32(), records: records({ nullable: true }) }),
    }),
  },
)

export interface ProduceRequest extends ValueOf<typeof ProduceRequest> {}

export const ProduceResponse = message(
  'ProduceResponse',
  { versions: '3-13', flexible: 9 },
  {
    responses: array({
      name: string({ until: 12, ignorable: true, mapKey: true, entity: 'topicName' }),
      topicId: uuid({ since: 13, ignorable: true, mapKey: true }),
      partitionResponses: array({
        index: int32(),
        errorCode: int16(),
        baseOffset: int64(),
        logAppendTimeMs: int64({ default: -1, ignorable: true }),
        logStartOffset: int64({ since: 5, default: -1, ignorable: true }),
        recordErrors: array(
          { since: 8, ignorable: true },
          { batchIndex: int32(), batchIndexErrorMessage: string({ nullable: true, default: null }) },
        ),
        errorMessage: string({ since: 8, nullable: true, default: null, ignorable: true }),
        currentLeader: struct(
          { tag: 0, since: 10 },
          { leaderId: int32({ default: -1, entity: 'brokerId' }), leaderEpoch: int32({ default: -1 }) },
        ),
      }),
    }),
    throttleTimeMs: int32({ ignorable: true }),
    nodeEndpoints: array(
      { tag: 0, since: 10 },
      {
        nodeId: int32({ mapKey: true, entity: 'brokerId' }),
        host: string(),
        port: int32(),
        rack: string({ nullable: true, default: null }),
      },
    ),
  },
)

export interface ProduceResponse extends ValueOf<typeof ProduceResponse> {}

export const Produce = api({ key: 0, name: 'Produce', listeners: ['broker'], request: ProduceRequest, response: ProduceResponse })
