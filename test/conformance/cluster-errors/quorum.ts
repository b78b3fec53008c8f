import { AddRaftVoter, BeginQuorumEpoch, EndQuorumEpoch, Fetch, RemoveRaftVoter, UpdateRaftVoter, Vote } from '@millrace/protocol'
import { type ClusterErrorsScene, metadataTopic, otherCluster, otherId, type Refusals } from './scene.ts'

/** Of what voters and observers ask of the quorum, and of who may be one. */
export function quorumRefusals(scene: ClusterErrorsScene): Refusals {
  const { fetched, controller, inactive, code, told } = scene
  const metadataFetch = (more = {}, partition = {}) => ({
    clusterId: scene.cluster.clusterId,
    replicaState: { replicaId: 7, replicaEpoch: -1 },
    maxWaitMs: 0,
    minBytes: 0,
    topics: [
      {
        topicId: 'AAAAAAAAAAAAAAAAAAAAAQ',
        partitions: [
          {
            partition: 0,
            currentLeaderEpoch: scene.leaderEpoch,
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
  const quorumTopic = (partition: object) => ({
    topics: [{ topicName: metadataTopic, partitions: [{ partitionIndex: 0, ...partition }] }],
  })
  const ballot = (partition = {}, more = {}) => ({
    clusterId: scene.cluster.clusterId,
    voterId: scene.leaderId,
    ...quorumTopic({
      replicaEpoch: scene.leaderEpoch,
      replicaId: (scene.leaderId % 3) + 1,
      replicaDirectoryId: scene.cluster.node((scene.leaderId % 3) + 1).directoryId,
      voterDirectoryId: scene.cluster.node(scene.leaderId).directoryId,
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
  const voter = (more = {}) => ({
    clusterId: scene.cluster.clusterId,
    timeoutMs: 1_000,
    voterId: 8,
    voterDirectoryId: otherId,
    listeners: [{ name: 'CONTROLLER', host: '127.0.0.1', port: 1 }],
    ...more,
  })

  return {
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
              clusterId: scene.cluster.clusterId,
              voterId: scene.leaderId,
              ...quorumTopic({
                voterDirectoryId: scene.cluster.node(scene.leaderId).directoryId,
                leaderId: (scene.leaderId % 3) + 1,
                leaderEpoch: scene.leaderEpoch - 1,
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
              clusterId: scene.cluster.clusterId,
              ...quorumTopic({ leaderId: scene.leaderId, leaderEpoch: scene.leaderEpoch - 1, preferredCandidates: [] }),
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
        async () => fetched(await controller(Fetch, 17, metadataFetch({}, { currentLeaderEpoch: scene.leaderEpoch - 1 }))),
        'FENCED_LEADER_EPOCH',
      ],
      'and a fetch from an epoch of the future': [
        async () => fetched(await controller(Fetch, 17, metadataFetch({}, { currentLeaderEpoch: scene.leaderEpoch + 9 }))),
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
        async () =>
          told(await controller(AddRaftVoter, 1, voter({ voterId: 1, voterDirectoryId: scene.cluster.node(1).directoryId }))),
        /^DUPLICATE_VOTER/,
      ],
      'and a voter without an address': [
        async () => told(await controller(AddRaftVoter, 1, voter({ listeners: [] }))),
        /^INVALID_REQUEST: /,
      ],
      'and a voter that nobody can reach': [async () => told(await controller(AddRaftVoter, 1, voter())), /^REQUEST_TIMED_OUT: /],
      'and the removal of nobody': [
        async () =>
          told(
            await controller(RemoveRaftVoter, 0, { clusterId: scene.cluster.clusterId, voterId: 8, voterDirectoryId: otherId }),
          ),
        /^VOTER_NOT_FOUND/,
      ],
      'and a removal asked of one that does not lead': [
        async () =>
          told(await inactive(RemoveRaftVoter, 0, { clusterId: scene.cluster.clusterId, voterId: 8, voterDirectoryId: otherId })),
        /^NOT_LEADER_OR_FOLLOWER/,
      ],
      'and the update of an unknown voter': [
        async () =>
          code(
            await controller(UpdateRaftVoter, 0, {
              clusterId: scene.cluster.clusterId,
              currentLeaderEpoch: scene.leaderEpoch,
              voterId: 8,
              voterDirectoryId: otherId,
              listeners: [{ name: 'CONTROLLER', host: '127.0.0.1', port: 1 }],
              kRaftVersionFeature: { minSupportedVersion: 0, maxSupportedVersion: 1 },
            }),
          ),
        'VOTER_NOT_FOUND',
      ],
    },
  }
}
