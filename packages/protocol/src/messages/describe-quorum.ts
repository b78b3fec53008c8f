/** DescribeQuorum (key 55): raft: leader, voters and observers with their progress. */
import { api } from '../api.ts'
import { array, int16, int32, int64, message, string, uint16, uuid, type ValueOf } from '../schema.ts'

export const DescribeQuorumRequest = message(
  'DescribeQuorumRequest',
  { versions: '0-2', flexible: 0 },
  { topics: array({ topicName: string({ entity: 'topicName' }), partitions: array({ partitionIndex: int32() }) }) },
)

export interface DescribeQuorumRequest extends ValueOf<typeof DescribeQuorumRequest> {}

const describeQuorumResponseReplicaState = {
  replicaId: int32({ entity: 'brokerId' }),
  replicaDirectoryId: uuid({ since: 2 }),
  logEndOffset: int64(),
  lastFetchTimestamp: int64({ since: 1, default: -1, ignorable: true }),
  lastCaughtUpTimestamp: int64({ since: 1, default: -1, ignorable: true }),
} as const

export const DescribeQuorumResponse = message(
  'DescribeQuorumResponse',
  { versions: '0-2', flexible: 0 },
  {
    errorCode: int16(),
    errorMessage: string({ since: 2, nullable: true, ignorable: true }),
    topics: array({
      topicName: string({ entity: 'topicName' }),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: string({ since: 2, nullable: true, ignorable: true }),
        leaderId: int32({ entity: 'brokerId' }),
        leaderEpoch: int32(),
        highWatermark: int64(),
        currentVoters: array(describeQuorumResponseReplicaState),
        observers: array(describeQuorumResponseReplicaState),
      }),
    }),
    nodes: array(
      { since: 2 },
      {
        nodeId: int32({ mapKey: true, entity: 'brokerId' }),
        listeners: array({ name: string({ mapKey: true }), host: string(), port: uint16() }),
      },
    ),
  },
)

export interface DescribeQuorumResponse extends ValueOf<typeof DescribeQuorumResponse> {}

export const DescribeQuorum = api({
  key: 55,
  name: 'DescribeQuorum',
  listeners: ['broker', 'controller'],
  clusterAction: true,
  forwarded: true,
  request: DescribeQuorumRequest,
  response: DescribeQuorumResponse,
})
