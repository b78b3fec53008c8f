import { Fetch, OffsetForLeaderEpoch } from '@millrace/protocol'
import type { ClusterErrorsScene, Refusals } from './scene.ts'

/** Of what followers ask a leader. */
export function followerRefusals(scene: ClusterErrorsScene): Refusals {
  const { fetched, broker, code, fetch } = scene

  return {
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
  }
}
