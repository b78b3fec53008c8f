import {
  AddRaftVoter,
  AllocateProducerIds,
  AlterPartition,
  AlterPartitionReassignments,
  type Api,
  AssignReplicasToDirs,
  BeginQuorumEpoch,
  BrokerHeartbeat,
  BrokerRegistration,
  type BrokerRegistrationRequest,
  CreatePartitions,
  CreateTopics,
  DescribeQuorum,
  type Draft,
  ElectLeaders,
  EndQuorumEpoch,
  Envelope,
  errorFacts,
  Fetch,
  IncrementalAlterConfigs,
  OffsetForLeaderEpoch,
  RemoveRaftVoter,
  UnregisterBroker,
  UpdateFeatures,
  UpdateRaftVoter,
  Vote,
} from '@millrace/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RawConnection } from '../security/raw-connection.ts'
import { type Maker, ProcessCluster } from './cluster-harness.ts'
import { until } from './process-harness.ts'

const otherCluster = 'XkU3OEVBNTcwNTJENDM2Qg'
const otherId = 'AnIdThatNobodyElseHa0w'
const metadataTopic = '__cluster_metadata'
/** A broker that this test plays. */
const actor = 9
const actorDirectory = 'TheDirectoryOfTheActow'

/** What a cluster answers to requests that it must refuse: the error of each, which is Apache Kafka's. */
export function clusterErrorsSuite(maker: Maker): void {
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
  const metadataFetch = (more = {}, partition = {}) => ({
    clusterId: cluster.clusterId,
    replicaState: { replicaId: 7, replicaEpoch: -1 },
    maxWaitMs: 0,
    minBytes: 0,
    topics: [
      {
        topicId: 'AAAAAAAAAAAAAAAAAAAAAQ',
        partitions: [
          {
            partition: 0,
            currentLeaderEpoch: leaderEpoch,
            fetchOffset: 0,
            lastFetchedEpoch: 0,
            partitionMaxBytes: 1000,
            ...partition,
          },
        ],
      },
    ],
    forgottenTopicsData: [],
    ...more,
  })
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
  const quorumTopic = (partition: object) => ({
    topics: [{ topicName: metadataTopic, partitions: [{ partitionIndex: 0, ...partition }] }],
  })
  const ballot = (partition = {}, more = {}) => ({
    clusterId: cluster.clusterId,
    voterId: leaderId,
    ...quorumTopic({
      replicaEpoch: leaderEpoch,
      replicaId: (leaderId % 3) + 1,
      replicaDirectoryId: cluster.node((leaderId % 3) + 1).directoryId,
      voterDirectoryId: cluster.node(leaderId).directoryId,
      lastOffsetEpoch: 0,
      lastOffset: 0,
      preVote: false,
      ...partition,
    }),
    ...more,
  })
  /** The error of the request, or that of its one partition. */
  const raftAnswer = (answer: { errorCode: number; topics: readonly { partitions: readonly { errorCode: number }[] }[] }) =>
    answer.errorCode === 0 ? code(answer.topics[0]!.partitions[0]!) : `request: ${code(answer)}`
  const fetched = (answer: { errorCode: number; responses: readonly { partitions: readonly { errorCode: number }[] }[] }) =>
    answer.errorCode === 0 ? code(answer.responses[0]!.partitions[0]!) : `request: ${code(answer)}`
  const created = async (name: string, more: object) => told((await broker(CreateTopics, 7, createTopic(name, more))).topics[0]!)
  const reassigned = async (topic: string, replicas: number[] | null, allowReplicationFactorChange = true) => {
    const answer = await broker(AlterPartitionReassignments, 1, {
      timeoutMs: 10_000,
      allowReplicationFactorChange,
      topics: [{ name: topic, partitions: [{ partitionIndex: 0, replicas }] }],
    })
    return answer.errorCode === 0 ? told(answer.responses[0]!.partitions[0]!) : `request: ${told(answer)}`
  }
  const elected = async (topic: string, electionType: number, partition = 0) => {
    const { errorCode, replicaElectionResults } = await broker(ElectLeaders, 2, {
      electionType,
      topicPartitions: [{ topic, partitions: [partition] }],
      timeoutMs: 10_000,
    })
    return errorCode === 0 ? told(replicaElectionResults[0]!.partitionResult[0]!) : `request: ${errorFacts(errorCode).name}`
  }
  const voter = (more = {}) => ({
    clusterId: cluster.clusterId,
    timeoutMs: 1_000,
    voterId: 8,
    voterDirectoryId: otherId,
    listeners: [{ name: 'CONTROLLER', host: '127.0.0.1', port: 1 }],
    ...more,
  })

  const cases: Record<string, Record<string, [ask: () => Promise<string>, expected: string | RegExp]>> = {
    'a broker that registers': {
      'for another cluster': [
        async () => code(await controller(BrokerRegistration, 4, registration({ clusterId: otherCluster }))),
        'INCONSISTENT_CLUSTER_ID',
      ],
      'with an id in use': [
        async () =>
          code(
            await controller(BrokerRegistration, 4, registration({ brokerId: 1, incarnationId: otherId, logDirs: [otherId] })),
          ),
        'DUPLICATE_BROKER_REGISTRATION',
      ],
      'too old for the metadata.version': [
        async () =>
          code(
            await controller(
              BrokerRegistration,
              4,
              registration({
                brokerId: 10,
                incarnationId: otherId,
                logDirs: [otherId],
                features: features.map(feature =>
                  feature.name === 'metadata.version' ? { ...feature, maxSupportedVersion: 20 } : feature,
                ),
              }),
            ),
          ),
        'UNSUPPORTED_VERSION',
      ],
      'without a directory': [
        async () =>
          code(await controller(BrokerRegistration, 4, registration({ brokerId: 10, incarnationId: otherId, logDirs: [] }))),
        'INVALID_REGISTRATION',
      ],
      'with the directory of another one': [
        async () =>
          code(
            await controller(
              BrokerRegistration,
              4,
              registration({ brokerId: 10, incarnationId: otherId, logDirs: [actorDirectory] }),
            ),
          ),
        'INVALID_REGISTRATION',
      ],
      'with a controller that is not active': [
        async () => code(await inactive(BrokerRegistration, 4, registration())),
        'NOT_CONTROLLER',
      ],
    },
    'a broker of the past': {
      'beats with an old epoch': [
        async () => code(await controller(BrokerHeartbeat, 1, heartbeat({ brokerEpoch: actorEpoch - 1 }))),
        'STALE_BROKER_EPOCH',
      ],
      'beats without being registered': [
        async () => code(await controller(BrokerHeartbeat, 1, heartbeat({ brokerId: 77 }))),
        'STALE_BROKER_EPOCH',
      ],
      'beats at a controller that is not active': [
        async () => code(await inactive(BrokerHeartbeat, 1, heartbeat())),
        'NOT_CONTROLLER',
      ],
      'asks for producer ids': [
        async () => code(await controller(AllocateProducerIds, 0, { brokerId: actor, brokerEpoch: actorEpoch - 1 })),
        'STALE_BROKER_EPOCH',
      ],
      'assigns replicas to directories': [
        async () =>
          code(await controller(AssignReplicasToDirs, 0, { brokerId: actor, brokerEpoch: actorEpoch - 1, directories: [] })),
        'STALE_BROKER_EPOCH',
      ],
      'changes an in-sync set': [() => changed({}, { brokerEpoch: actorEpoch - 1 }), 'request: STALE_BROKER_EPOCH'],
    },
    AlterPartition: {
      'of an unknown topic': [() => changed({}, { topics: [{ ...change().topics[0]!, topicId: otherId }] }), 'UNKNOWN_TOPIC_ID'],
      'of an unknown partition': [() => changed({ partitionIndex: 5 }), 'UNKNOWN_TOPIC_OR_PARTITION'],
      'from an older leader epoch': [() => changed({ leaderEpoch: -1 }), 'FENCED_LEADER_EPOCH'],
      'from a leader epoch of the future': [() => changed({ leaderEpoch: 1 }), 'NOT_CONTROLLER'],
      'from an older partition epoch': [() => changed({ partitionEpoch: -1 }), 'INVALID_UPDATE_VERSION'],
      'from a partition epoch of the future': [() => changed({ partitionEpoch: 1 }), 'NOT_CONTROLLER'],
      'with a broker that has no replica': [
        () => changed({ newIsrWithEpochs: [actor, 3].map(brokerId => ({ brokerId, brokerEpoch: -1 })) }),
        'INVALID_REQUEST',
      ],
      'without the leader': [() => changed({ newIsrWithEpochs: [{ brokerId: 1, brokerEpoch: -1 }] }), 'INVALID_REQUEST'],
      'with nobody': [() => changed({ newIsrWithEpochs: [] }), 'INVALID_REQUEST'],
      'with a replica of the past': [
        () =>
          changed({
            newIsrWithEpochs: [
              { brokerId: actor, brokerEpoch: actorEpoch },
              { brokerId: 1, brokerEpoch: 0 },
            ],
          }),
        'INELIGIBLE_REPLICA',
      ],
      'with a recovery that is not over': [() => changed({ leaderRecoveryState: 1 }), 'INVALID_REQUEST'],
      'by one that does not lead': [
        () => changed({}, { topics: [{ topicId: replicatedId, partitions: change().topics[0]!.partitions }] }),
        'INVALID_REQUEST',
      ],
      'at a controller that is not active': [async () => code(await inactive(AlterPartition, 3, change())), 'NOT_CONTROLLER'],
    },
    topics: {
      'with more replicas than brokers': [
        () => created('wide', { replicationFactor: 7 }),
        /^INVALID_REPLICATION_FACTOR: Unable to replicate the partition 7 time\(s\): The target replication factor of 7 cannot be reached because only 4 broker\(s\) are registered/,
      ],
      'on an unknown broker': [() => created('lost', assigned([1, 42])), /^INVALID_REPLICA_ASSIGNMENT: .*42/],
      'twice on one broker': [() => created('twice', assigned([1, 1])), /^INVALID_REPLICA_ASSIGNMENT: /],
      'with replicas here and there': [() => created('uneven', assigned([1, 2], [1])), /^INVALID_REPLICA_ASSIGNMENT: /],
      'with more partitions on an unknown broker': [
        async () =>
          told(
            (
              await broker(CreatePartitions, 3, {
                topics: [{ name: 'replicated', count: 2, assignments: [{ brokerIds: [1, 42] }] }],
                timeoutMs: 10_000,
                validateOnly: false,
              })
            ).results[0]!,
          ),
        /^INVALID_REPLICA_ASSIGNMENT: /,
      ],
    },
    'a reassignment': {
      'to an unknown broker': [() => reassigned('replicated', [1, 42]), /^INVALID_REPLICA_ASSIGNMENT: /],
      'to nobody': [() => reassigned('replicated', []), /^INVALID_REPLICA_ASSIGNMENT: /],
      'to a broker twice': [() => reassigned('replicated', [1, 1]), /^INVALID_REPLICA_ASSIGNMENT: /],
      'to a negative broker': [() => reassigned('replicated', [1, -2]), /^INVALID_REPLICA_ASSIGNMENT: /],
      'of an unknown topic': [() => reassigned('nowhere', [1]), /^UNKNOWN_TOPIC_OR_PARTITION: /],
      'to more brokers where that is not allowed': [
        () => reassigned('replicated', [1, 2, 3], false),
        /^INVALID_REPLICATION_FACTOR: /,
      ],
      'that is cancelled and was none': [() => reassigned('replicated', null), /^NO_REASSIGNMENT_IN_PROGRESS: /],
    },
    'an election': {
      'of an unknown topic': [() => elected('nowhere', 0), /^UNKNOWN_TOPIC_OR_PARTITION: /],
      'of an unknown partition': [() => elected('replicated', 0, 7), /^UNKNOWN_TOPIC_OR_PARTITION: /],
      'of the preferred leader that leads': [() => elected('replicated', 0), /^ELECTION_NOT_NEEDED: /],
      'of anybody while somebody leads': [() => elected('replicated', 1), /^ELECTION_NOT_NEEDED: /],
    },
    'a follower': {
      'that has no replica': [async () => fetched(await broker(Fetch, 16, fetch({}, 3))), 'NOT_LEADER_OR_FOLLOWER'],
      'that is no broker': [async () => fetched(await broker(Fetch, 16, fetch({}, 42))), 'NOT_LEADER_OR_FOLLOWER'],
      'of the past': [async () => fetched(await broker(Fetch, 16, fetch({}, 2, 0))), 'NOT_LEADER_OR_FOLLOWER'],
      'of one that does not lead': [async () => fetched(await broker(Fetch, 16, fetch({}, 3), 2)), 'NOT_LEADER_OR_FOLLOWER'],
      'with a leader epoch of the future': [
        async () => fetched(await broker(Fetch, 16, fetch({ currentLeaderEpoch: 99 }, 2))),
        'UNKNOWN_LEADER_EPOCH',
      ],
      'that asks for the end of an epoch of the future': [
        async () => {
          const answer = await broker(OffsetForLeaderEpoch, 4, {
            replicaId: 2,
            topics: [{ topic: 'replicated', partitions: [{ partition: 0, currentLeaderEpoch: 99, leaderEpoch: 0 }] }],
          })
          return code(answer.topics[0]!.partitions[0]!)
        },
        'UNKNOWN_LEADER_EPOCH',
      ],
    },
    'the quorum': {
      'and a vote for another cluster': [
        async () => raftAnswer(await controller(Vote, 2, ballot({}, { clusterId: otherCluster }))),
        'request: INCONSISTENT_CLUSTER_ID',
      ],
      'and a vote for another voter': [
        async () => raftAnswer(await controller(Vote, 2, ballot({}, { voterId: 77 }))),
        'INVALID_VOTER_KEY',
      ],
      'and a vote that says nothing of its log': [
        async () => raftAnswer(await controller(Vote, 2, ballot({ lastOffset: -1 }))),
        'INVALID_REQUEST',
      ],
      'and a leader of the past': [
        async () =>
          raftAnswer(
            await controller(BeginQuorumEpoch, 1, {
              clusterId: cluster.clusterId,
              voterId: leaderId,
              ...quorumTopic({
                voterDirectoryId: cluster.node(leaderId).directoryId,
                leaderId: (leaderId % 3) + 1,
                leaderEpoch: leaderEpoch - 1,
              }),
              leaderEndpoints: [{ name: 'CONTROLLER', host: '127.0.0.1', port: 1 }],
            }),
          ),
        'FENCED_LEADER_EPOCH',
      ],
      'and the end of an epoch of the past': [
        async () =>
          raftAnswer(
            await controller(EndQuorumEpoch, 1, {
              clusterId: cluster.clusterId,
              ...quorumTopic({ leaderId, leaderEpoch: leaderEpoch - 1, preferredCandidates: [] }),
              leaderEndpoints: [],
            }),
          ),
        'FENCED_LEADER_EPOCH',
      ],
      'and a fetch for another cluster': [
        async () => fetched(await controller(Fetch, 17, metadataFetch({ clusterId: otherCluster }))),
        'request: INCONSISTENT_CLUSTER_ID',
      ],
      'and a fetch from an epoch of the past': [
        async () => fetched(await controller(Fetch, 17, metadataFetch({}, { currentLeaderEpoch: leaderEpoch - 1 }))),
        'FENCED_LEADER_EPOCH',
      ],
      'and a fetch from an epoch of the future': [
        async () => fetched(await controller(Fetch, 17, metadataFetch({}, { currentLeaderEpoch: leaderEpoch + 9 }))),
        'UNKNOWN_LEADER_EPOCH',
      ],
      'and a fetch at a negative offset': [
        async () => fetched(await controller(Fetch, 17, metadataFetch({}, { fetchOffset: -1 }))),
        'INVALID_REQUEST',
      ],
      'and a fetch from one that does not lead': [
        async () => fetched(await inactive(Fetch, 17, metadataFetch())),
        'NOT_LEADER_OR_FOLLOWER',
      ],
      'and a voter of another cluster': [
        async () => told(await controller(AddRaftVoter, 1, voter({ clusterId: otherCluster }))),
        /^INCONSISTENT_CLUSTER_ID/,
      ],
      'and a voter that votes already': [
        async () => told(await controller(AddRaftVoter, 1, voter({ voterId: 1, voterDirectoryId: cluster.node(1).directoryId }))),
        /^DUPLICATE_VOTER/,
      ],
      'and a voter without an address': [
        async () => told(await controller(AddRaftVoter, 1, voter({ listeners: [] }))),
        /^INVALID_REQUEST: /,
      ],
      'and a voter that nobody can reach': [async () => told(await controller(AddRaftVoter, 1, voter())), /^REQUEST_TIMED_OUT: /],
      'and the removal of nobody': [
        async () =>
          told(await controller(RemoveRaftVoter, 0, { clusterId: cluster.clusterId, voterId: 8, voterDirectoryId: otherId })),
        /^VOTER_NOT_FOUND/,
      ],
      'and a removal asked of one that does not lead': [
        async () =>
          told(await inactive(RemoveRaftVoter, 0, { clusterId: cluster.clusterId, voterId: 8, voterDirectoryId: otherId })),
        /^NOT_LEADER_OR_FOLLOWER/,
      ],
      'and the update of an unknown voter': [
        async () =>
          code(
            await controller(UpdateRaftVoter, 0, {
              clusterId: cluster.clusterId,
              currentLeaderEpoch: leaderEpoch,
              voterId: 8,
              voterDirectoryId: otherId,
              listeners: [{ name: 'CONTROLLER', host: '127.0.0.1', port: 1 }],
              kRaftVersionFeature: { minSupportedVersion: 0, maxSupportedVersion: 1 },
            }),
          ),
        'VOTER_NOT_FOUND',
      ],
    },
    'an administrator': {
      'who unregisters nobody': [
        async () => told(await broker(UnregisterBroker, 0, { brokerId: 77 })),
        /^BROKER_ID_NOT_REGISTERED: /,
      ],
      'who upgrades what is unknown': [
        async () =>
          told(
            await broker(UpdateFeatures, 2, {
              timeoutMs: 10_000,
              featureUpdates: [{ feature: 'tea.version', maxVersionLevel: 1 }],
              validateOnly: false,
            }),
          ),
        /^INVALID_UPDATE_VERSION: .*Invalid update version 1 for feature tea\.version\./,
      ],
      'who downgrades the metadata without a word about loss': [
        async () =>
          told(
            await broker(UpdateFeatures, 2, {
              timeoutMs: 10_000,
              featureUpdates: [{ feature: 'metadata.version', maxVersionLevel: 8 }],
              validateOnly: false,
            }),
          ),
        /^INVALID_UPDATE_VERSION: .*Invalid update version 8 for feature metadata\.version\. Can't downgrade/,
      ],
      'who configures a broker with a word for a number': [
        async () =>
          told(
            (
              await broker(IncrementalAlterConfigs, 1, {
                resources: [
                  {
                    resourceType: 4,
                    resourceName: '1',
                    configs: [{ name: 'leader.replication.throttled.rate', configOperation: 0, value: 'fast' }],
                  },
                ],
                validateOnly: false,
              })
            ).responses[0]!,
          ),
        /^INVALID_REQUEST: Invalid value fast for configuration leader\.replication\.throttled\.rate/,
      ],
      'who configures a broker that is none': [
        async () =>
          told(
            (
              await broker(IncrementalAlterConfigs, 1, {
                resources: [
                  {
                    resourceType: 4,
                    resourceName: 'one',
                    configs: [{ name: 'log.cleaner.threads', configOperation: 0, value: '2' }],
                  },
                ],
                validateOnly: false,
              })
            ).responses[0]!,
          ),
        'INVALID_REQUEST: Node id must be an integer, but it is: one',
      ],
      'who takes the voice of another': [
        async () => {
          const connection = await RawConnection.open(Number(cluster.node(leaderId).controller.split(':')[1]))
          try {
            return code(
              await connection.request(Envelope, 0, {
                requestData: Buffer.from('nonsense'),
                requestPrincipal: Buffer.alloc(0),
                clientHostAddress: Buffer.of(127, 0, 0, 1),
              }),
            )
          } catch (error) {
            return (error as Error).message
          } finally {
            connection.close()
          }
        },
        'PRINCIPAL_DESERIALIZATION_FAILURE',
      ],
      'who sends an envelope to a broker': [
        async () => {
          const connection = await RawConnection.open(Number(cluster.node(1).bootstrapServers.split(':')[1]))
          try {
            return code(
              await connection.request(Envelope, 0, {
                requestData: Buffer.alloc(0),
                requestPrincipal: null,
                clientHostAddress: Buffer.alloc(0),
              }),
            )
          } catch (error) {
            return (error as Error).message
          } finally {
            connection.close()
          }
        },
        'the connection was closed instead of answered',
      ],
    },
  }

  for (const [subject, refusals] of Object.entries(cases))
    describe(subject, () => {
      for (const [title, [ask, expected]] of Object.entries(refusals))
        test(title, async () => {
          const answer = await ask()
          if (typeof expected === 'string') expect(answer).toBe(expected)
          else expect(answer).toMatch(expected)
        })
    })

  test('nothing of it changed anything', async () => {
    const before = await controller(BrokerHeartbeat, 1, heartbeat())
    expect(before).toMatchObject({ errorCode: 0, isFenced: false })
    expect(await changed()).toBe('NONE')
  })
}
