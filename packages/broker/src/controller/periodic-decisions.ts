import type { ConfigSet } from '@millrace/runtime'
import { quorumKeys } from '../config/quorum-keys.ts'
import { fenceBroker } from './broker-heartbeat.ts'
import type { ControllerInput } from './controller.ts'
import type { ControllerState, Decision } from './decision.ts'
import { leaderCheck, newDirectoryOf, rulesOf } from './leadership.ts'
import { type MetadataRecord, noLeader } from './metadata-record.ts'
import { changePartition, type Election } from './partition-change.ts'
import type { PartitionImage, TopicImage } from './partition-image.ts'

/** Most elections of one round, Kafka's number too; what is left follows in the next round at once. */
const maxElectionsPerRound = 1000

/** Who hears of what the controller does by itself. */
export interface PeriodicListener {
  fenced(brokerId: number): void
  elected(count: number, election: Election): void
}

/** What an active controller does without being asked: each is submitted once and comes again by itself. */
export function periodicInputs(config: ConfigSet, listener: PeriodicListener): ControllerInput[] {
  const inputs = [expiredSessions(listener)]
  if (config.get(quorumKeys.autoLeaderRebalanceEnable)) {
    const intervalMs = config.get(quorumKeys.leaderImbalanceCheckIntervalSeconds)! * 1000
    inputs.push(elections('preferred-leaders', intervalMs, electPreferred, count => listener.elected(count, 'preferred')))
  }
  inputs.push(
    elections('unclean-elections', config.get(quorumKeys.uncleanLeaderElectionIntervalMs)!, electUnclean, count =>
      listener.elected(count, 'unclean'),
    ),
  )
  const idleMs = config.get(quorumKeys.metadataMaxIdleIntervalMs)!
  if (idleMs > 0) inputs.push(idle(idleMs))
  return inputs
}

/** Fences a broker whose session is over; one at a time, so that the next one sees where its leaders went. */
function expiredSessions(listener: PeriodicListener): ControllerInput {
  let fenced: number | null = null
  return {
    decide: state => {
      fenced = null
      for (const broker of state.image.brokers()) {
        const deadlineMs = state.sessions.deadlineMs(broker.id)
        if (broker.fenced || (deadlineMs !== null && state.nowMs < deadlineMs)) continue
        state.sessions.end(broker.id)
        fenced = broker.id
        return { records: fenceBroker(state, broker), response: broker.id, splittable: true }
      }
      return nothing
    },
    answer: brokerId => {
      if (brokerId !== null) listener.fenced(brokerId as number)
    },
    again: {
      name: 'sessions',
      atMs: state => {
        let nextMs = state.nowMs + state.sessions.timeoutMs
        for (const broker of state.image.brokers()) {
          if (!broker.fenced && broker.id !== fenced) nextMs = Math.min(nextMs, state.sessions.deadlineMs(broker.id) ?? nextMs)
        }
        return fenced === null ? nextMs : state.nowMs
      },
    },
  }
}

function elections(
  name: string,
  intervalMs: number,
  elect: (state: ControllerState) => MetadataRecord[],
  elected: (count: number) => void,
): ControllerInput {
  let isFull = false
  let isFirst = true
  return {
    decide: state => {
      // A new controller lets the cluster settle.
      const records = isFirst ? [] : elect(state)
      isFirst = false
      isFull = records.length === maxElectionsPerRound
      return { records, response: records.length }
    },
    answer: count => {
      if ((count as number) > 0) elected(count as number)
    },
    again: { name, atMs: state => (isFull ? state.nowMs : state.nowMs + intervalMs) },
  }
}

/** Preferred replicas that are in sync lead again. */
export function electPreferred(state: ControllerState): MetadataRecord[] {
  return electWhere(state, partition => partition.leader !== noLeader && partition.leader !== partition.replicas[0], 'preferred')
}

/** Partitions without a leader get one that is not in sync, where `unclean.leader.election.enable` says so. */
export function electUnclean(state: ControllerState): MetadataRecord[] {
  return electWhere(state, partition => partition.leader === noLeader, 'unclean')
}

function electWhere(
  state: ControllerState,
  isConcerned: (partition: PartitionImage) => boolean,
  election: 'preferred' | 'unclean',
): MetadataRecord[] {
  const records: MetadataRecord[] = []
  for (const topic of state.image.topics()) {
    if (!topic.partitions.some(isConcerned)) continue
    if (election === 'unclean' && rulesOf(state, topic.name).election !== 'unclean') continue
    for (const [partitionId, partition] of topic.partitions.entries()) {
      if (!isConcerned(partition)) continue
      const record = electLeader(state, topic, partitionId, election)
      if (record && record.value.leader !== noLeader) records.push(record)
      if (records.length === maxElectionsPerRound) return records
    }
  }
  return records
}

/** The record of an election that is asked for; null when it changes nothing. */
export function electLeader(state: ControllerState, topic: TopicImage, partitionId: number, election: Election) {
  const partition = topic.partitions[partitionId]!
  return changePartition(
    partition,
    {
      topicId: topic.topicId,
      partitionId,
      canLead: leaderCheck(state, partition),
      election,
      newDirectory: newDirectoryOf(state),
    },
    rulesOf(state, topic.name),
  )
}

/** Followers see that the controller lives, and learn the high watermark. */
function idle(intervalMs: number): ControllerInput {
  let lastOffset = -1
  return {
    decide: state => {
      const offset = state.nextOffset()
      const isIdle = offset === lastOffset
      lastOffset = isIdle ? offset + 1 : offset
      return isIdle ? { records: [{ type: 'NoOpRecord', value: {} }], response: null } : nothing
    },
    answer: () => {},
    again: { name: 'idle', atMs: state => state.nowMs + intervalMs },
  }
}

const nothing: Decision<null> = { records: [], response: null }
