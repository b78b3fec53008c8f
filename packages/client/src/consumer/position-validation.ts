import { ErrorCode, errorOf, Fetch, OffsetForLeaderEpoch } from '@millrace/protocol'
import type { Cluster } from '../cluster.ts'
import type { Connection } from '../network/connection.ts'
import { byTopic, nameOf } from '../topic-partition.ts'
import type { FetchAnswers } from './fetch-answers.ts'
import type { PartitionState } from './partition-state.ts'

/** From here on fetches carry the epoch of what was read last, and brokers say by themselves where logs part. */
const divergenceInFetchSince = 12
/** Before, a broker does not take a leader epoch of the client's own (KIP-320). */
const usableSince = 3

/** Whether positions must be compared with the leader's log before they are fetched from: at brokers before Kafka 2.7. */
export function needsValidation(connection: Connection): boolean {
  return !connection.supports(Fetch, divergenceInFetchSince) && connection.supports(OffsetForLeaderEpoch, usableSince)
}

/**
 * Compares positions with the log of a leader that is new since they were read (KIP-320): where the epoch ends below a position, the log was cut. Gives
 * those that may be fetched from; the others are dealt with as the reset policy says, or tried again.
 */
export async function validated(
  cluster: Cluster,
  connection: Connection,
  states: readonly PartitionState[],
  answers: FetchAnswers,
): Promise<PartitionState[]> {
  const epochOf = ({ topic, partition }: PartitionState) => cluster.metadata.leaderEpochOf(topic, partition)
  const open = states.filter(state => state.fetchEpoch >= 0 && epochOf(state) > Math.max(state.validatedEpoch, state.fetchEpoch))
  if (open.length === 0) return [...states]
  const seeks = new Map(open.map(state => [nameOf(state), state.seeks]))
  const epochs = new Map(open.map(state => [nameOf(state), epochOf(state)]))
  const response = await connection.request(OffsetForLeaderEpoch, {
    replicaId: -1,
    topics: [...byTopic(open)].map(([topic, list]) => ({
      topic,
      partitions: list.map(state => ({
        partition: state.partition,
        currentLeaderEpoch: epochOf(state),
        leaderEpoch: state.fetchEpoch,
      })),
    })),
  })
  const good = new Set(states.filter(state => !open.includes(state)))
  for (const { topic, partitions } of response.topics)
    for (const { partition, errorCode, leaderEpoch, endOffset } of partitions) {
      const state = open.find(each => each.topic === topic && each.partition === partition)
      // Sought to somewhere else meanwhile: the next fetch looks again.
      if (!state || state.seeks !== seeks.get(nameOf(state))) continue
      if (errorCode !== ErrorCode.NONE) {
        answers.refused(state, errorOf(errorCode, nameOf(state)))
      } else if (endOffset < 0 || leaderEpoch < 0) {
        // The leader knows nothing of that time: nothing tells where the logs part.
        answers.truncated(state, null)
      } else if (endOffset < state.fetchOffset) {
        answers.truncated(state, endOffset)
      } else {
        state.validatedEpoch = epochs.get(nameOf(state))!
        good.add(state)
      }
    }
  return states.filter(state => good.has(state))
}
