import {
  DescribeCluster,
  DescribeQuorum,
  type DescribeQuorumResponse,
  type ElementOf,
  ErrorCode,
  errorOf,
} from '@millrace/protocol'
import type { Cluster } from '../cluster.ts'

export interface ClusterDescription {
  readonly clusterId: string | null
  /** -1: none at present. */
  readonly controllerId: number
  readonly brokers: readonly {
    readonly nodeId: number
    readonly host: string
    readonly port: number
    readonly rack: string | null
  }[]
}

export interface QuorumReplica {
  readonly replicaId: number
  readonly logEndOffset: number
  /** Milliseconds since the epoch; -1: not known. */
  readonly lastFetchTimestamp: number
  readonly lastCaughtUpTimestamp: number
}

export interface QuorumDescription {
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly highWatermark: number
  readonly voters: readonly QuorumReplica[]
  readonly observers: readonly QuorumReplica[]
}

export async function describeCluster(cluster: Cluster): Promise<ClusterDescription> {
  return cluster.retry('DescribeCluster', async () => {
    const connection = await cluster.connectAny()
    if (!connection.supports(DescribeCluster)) {
      await cluster.metadata.refresh()
      const { clusterId, controllerId, brokers } = cluster.metadata
      return {
        clusterId,
        controllerId,
        brokers: [...brokers.values()].map(({ nodeId, host, port, rack }) => ({ nodeId, host, port, rack })),
      }
    }
    const { errorCode, errorMessage, clusterId, controllerId, brokers } = await connection.request(DescribeCluster, {})
    if (errorCode !== ErrorCode.NONE) throw errorOf(errorCode, errorMessage)
    return {
      clusterId,
      controllerId,
      brokers: brokers.map(({ brokerId, host, port, rack }) => ({ nodeId: brokerId, host, port, rack })),
    }
  })
}

/** Raft of the metadata log. Rejects with a KafkaError. */
export async function describeQuorum(cluster: Cluster): Promise<QuorumDescription> {
  return cluster.retry('DescribeQuorum', async () => {
    const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
    const { errorCode, errorMessage, topics: answers } = await cluster.requestAny(DescribeQuorum, { topics })
    if (errorCode !== ErrorCode.NONE) throw errorOf(errorCode, errorMessage)
    const partition = answers[0]?.partitions[0]
    if (!partition) throw errorOf(ErrorCode.UNKNOWN_SERVER_ERROR, 'The broker told nothing of __cluster_metadata')
    if (partition.errorCode !== ErrorCode.NONE) throw errorOf(partition.errorCode, partition.errorMessage)
    const { leaderId, leaderEpoch, highWatermark, currentVoters, observers } = partition
    return { leaderId, leaderEpoch, highWatermark, voters: currentVoters.map(replicaOf), observers: observers.map(replicaOf) }
  })
}

type WireReplica = ElementOf<ElementOf<ElementOf<DescribeQuorumResponse['topics']>['partitions']>['currentVoters']>

function replicaOf({ replicaId, logEndOffset, lastFetchTimestamp, lastCaughtUpTimestamp }: WireReplica): QuorumReplica {
  return { replicaId, logEndOffset, lastFetchTimestamp, lastCaughtUpTimestamp }
}
