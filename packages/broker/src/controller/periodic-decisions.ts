import type { ConfigSet } from '@millrace/runtime'
import { quorumKeys } from '../config/quorum-keys.ts'
import { fenceBroker } from './broker-heartbeat.ts'
import type { ControllerInput } from './controller.ts'
import type { ControllerState, Decision } from './decision.ts'
import { electPreferred, electUnclean, maxElectionsPerRound } from './leader-election.ts'
import type { MetadataRecord } from './metadata-record.ts'
import type { Election } from './partition-change.ts'

/** Who hears of what the controller does by itself. */
export interface PeriodicListener {
  elected(count: number, election: Election): void
}

/** What an active controller does without being asked: each is submitted once and comes again by itself. */
export function periodicInputs(config: ConfigSet, listener: PeriodicListener): ControllerInput[] {
  const inputs: ControllerInput[] = []
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
export function expiredSessions(listener: { fenced(brokerId: number): void }): ControllerInput {
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
