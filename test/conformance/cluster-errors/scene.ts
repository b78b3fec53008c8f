import {
  AlterPartition,
  type Api,
  BrokerHeartbeat,
  BrokerRegistration,
  type BrokerRegistrationRequest,
  CreateTopics,
  DescribeQuorum,
  type Draft,
  errorFacts,
  Fetch,
} from '@millrace/protocol'
import { afterAll, beforeAll, expect } from 'vitest'
import { RawConnection } from '../../security/raw-connection.ts'
import { type Maker, ProcessCluster } from '../cluster-harness.ts'
import { until } from '../process-harness.ts'

export const otherCluster = 'XkU3OEVBNTcwNTJENDM2Qg'
export const otherId = 'AnIdThatNobodyElseHa0w'
export const metadataTopic = '__cluster_metadata'
/** A broker that the tests play. */
export const actor = 9
export const actorDirectory = 'TheDirectoryOfTheActow'

/** By subject and situation: a request, and the error that it is answered with. */
export type Refusals = Record<string, Record<string, [ask: () => Promise<string>, expected: string | RegExp]>>

export type ClusterErrorsScene = ReturnType<typeof clusterErrorsScene>

/** Three nodes, a broker that the tests play, and a topic of each. Call it where the tests are described: the nodes start before them and end after them. */
export function clusterErrorsScene(maker: Maker) {
  let cluster: ProcessCluster
  let connections: Map<string, RawConnection>
  let leaderId: number
  let leaderEpoch: number
  let actorEpoch: number
  let topicId: string
  let replicatedId: string

  const at = async (address: string) => {
    const known = connections.get(address)
    if (known && !known.isClosed) return known
    const connection = await RawConnection.open(Number(address.split(':')[1]))
    connections.set(address, connection)
    return connection
  }
  const controller = async <Q, R>(api: Api<Q, R>, version: number, body: Draft<Q>) =>
    (await at(cluster.node(leaderId).controller)).request(api, version, body)
  const inactive = async <Q, R>(api: Api<Q, R>, version: number, body: Draft<Q>) =>
    (await at(cluster.node((leaderId % 3) + 1).controller)).request(api, version, body)
  const broker = async <Q, R>(api: Api<Q, R>, version: number, body: Draft<Q>, id = 1) =>
    (await at(cluster.node(id).bootstrapServers)).request(api, version, body)

  const code = ({ errorCode }: { errorCode: number }) => errorFacts(errorCode).name
  const told = ({ errorCode, errorMessage }: { errorCode: number; errorMessage: string | null }) =>
    `${errorFacts(errorCode).name}: ${errorMessage}`

  const features = [
    { name: 'metadata.version', minSupportedVersion: 7, maxSupportedVersion: 30 },
    ...['group.version', 'share.version', 'streams.version', 'eligible.leader.replicas.version', 'kraft.version'].map(name => ({
      name,
      minSupportedVersion: 0,
      maxSupportedVersion: 1,
    })),
    { name: 'transaction.version', minSupportedVersion: 0, maxSupportedVersion: 2 },
  ]
  const registration = (more: Partial<Draft<BrokerRegistrationRequest>> = {}) => ({
    brokerId: actor,
    clusterId: cluster.clusterId,
    incarnationId: 'TheIncarnationOfActorw',
    listeners: [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 1, securityProtocol: 0 }],
    features,
    rack: null,
    logDirs: [actorDirectory],
    ...more,
  })
  const heartbeat = (more = {}) => ({ brokerId: actor, brokerEpoch: actorEpoch, currentMetadataOffset: 2 ** 40, ...more })
  const createTopic = (name: string, more = {}) => ({
    topics: [{ name, numPartitions: 1, replicationFactor: 2, assignments: [], configs: [], ...more }],
    timeoutMs: 10_000,
    validateOnly: false,
  })
  const assigned = (...lists: number[][]) => ({
    numPartitions: -1,
    replicationFactor: -1,
    assignments: lists.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })),
  })

  beforeAll(async () => {
    connections = new Map()
    cluster = await ProcessCluster.make({ properties: { 'broker.session.timeout.ms': '60000' } })
    await cluster.startAll(maker)
    const quorum = await until('the quorum', async () => {
      for (const node of cluster.nodes) {
        const { topics } = await (await at(node.controller)).request(DescribeQuorum, 2, {
          topics: [{ topicName: metadataTopic, partitions: [{ partitionIndex: 0 }] }],
        })
        const partition = topics[0]!.partitions[0]!
        // Only the leader tells.
        if (partition.errorCode === 0) return partition
      }
      return null
    })
    leaderId = quorum.leaderId
    leaderEpoch = quorum.leaderEpoch
    actorEpoch = (await controller(BrokerRegistration, 4, registration())).brokerEpoch
    expect(actorEpoch).toBeGreaterThan(0)
    expect(await controller(BrokerHeartbeat, 1, heartbeat())).toMatchObject({ errorCode: 0 })
    expect(await controller(BrokerHeartbeat, 1, heartbeat())).toMatchObject({ errorCode: 0, isFenced: false })
    const created = await broker(CreateTopics, 7, createTopic('acted', assigned([actor, 1], [actor, 1])))
    expect(created.topics[0]).toMatchObject({ errorCode: 0 })
    topicId = created.topics[0]!.topicId
    replicatedId = (await broker(CreateTopics, 7, createTopic('replicated', assigned([1, 2])))).topics[0]!.topicId
    await until('the topic at its leader', async () => {
      const answer = await broker(Fetch, 16, fetch({}, -1, -1))
      return answer.responses[0]?.partitions[0]?.errorCode === 0
    })
  })
  afterAll(() => {
    for (const connection of connections?.values() ?? []) connection.close()
    cluster?.close()
  })

  const fetch = (partition = {}, replicaId = 2, replicaEpoch = -1) => ({
    replicaState: { replicaId, replicaEpoch },
    maxWaitMs: 0,
    minBytes: 0,
    topics: [{ topicId: replicatedId, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000, ...partition }] }],
    forgottenTopicsData: [],
  })
  const fetched = (answer: { errorCode: number; responses: readonly { partitions: readonly { errorCode: number }[] }[] }) =>
    answer.errorCode === 0 ? code(answer.responses[0]!.partitions[0]!) : `request: ${code(answer)}`
  const change = (partition = {}, more = {}) => ({
    brokerId: actor,
    brokerEpoch: actorEpoch,
    topics: [
      {
        topicId,
        partitions: [
          {
            partitionIndex: 0,
            leaderEpoch: 0,
            partitionEpoch: 0,
            newIsrWithEpochs: [{ brokerId: actor, brokerEpoch: actorEpoch }],
            leaderRecoveryState: 0,
            ...partition,
          },
        ],
      },
    ],
    ...more,
  })
  const changed = async (partition = {}, more = {}) => {
    const answer = await controller(AlterPartition, 3, change(partition, more))
    return answer.errorCode === 0 ? code(answer.topics[0]!.partitions[0]!) : `request: ${code(answer)}`
  }

  return {
    get cluster() {
      return cluster
    },
    get leaderId() {
      return leaderId
    },
    get leaderEpoch() {
      return leaderEpoch
    },
    get actorEpoch() {
      return actorEpoch
    },
    get topicId() {
      return topicId
    },
    get replicatedId() {
      return replicatedId
    },
    change,
    changed,
    fetched,
    controller,
    inactive,
    broker,
    code,
    told,
    features,
    registration,
    heartbeat,
    createTopic,
    assigned,
    fetch,
  }
}
