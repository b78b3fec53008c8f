/** ElectLeaders (key 43): has leaders elected, preferred or, from 1, unclean. */
import { api } from '../api.ts'
import { array, int8, int16, int32, message, string, type ValueOf } from '../schema.ts'

export const ElectLeadersRequest = message(
  'ElectLeadersRequest',
  { versions: '0-2', flexible: 2 },
  {
    electionType: int8({ since: 1 }),
    topicPartitions: array(
      { nullable: true },
      { topic: string({ mapKey: true, entity: 'topicName' }), partitions: array(int32()) },
    ),
    timeoutMs: int32({ default: 60000 }),
  },
)

export interface ElectLeadersRequest extends ValueOf<typeof ElectLeadersRequest> {}

export const ElectLeadersResponse = message(
  'ElectLeadersResponse',
  { versions: '0-2', flexible: 2 },
  {
    throttleTimeMs: int32(),
    errorCode: int16({ since: 1 }),
    replicaElectionResults: array({
      topic: string({ entity: 'topicName' }),
      partitionResult: array({ partitionId: int32(), errorCode: int16(), errorMessage: string({ nullable: true }) }),
    }),
  },
)

export interface ElectLeadersResponse extends ValueOf<typeof ElectLeadersResponse> {}

export const ElectLeaders = api({
  key: 43,
  name: 'ElectLeaders',
  listeners: ['broker', 'controller'],
  forwarded: true,
  request: ElectLeadersRequest,
  response: ElectLeadersResponse,
})
