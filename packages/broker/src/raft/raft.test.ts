import { describe, expect, test } from 'vitest'
import { ElectionTiming } from './election-timing.ts'
import { type ElectionState, initialElectionState } from './quorum-state.ts'
import { Raft } from './raft.ts'
import type { RaftInput, RaftMessage, RaftVoteRequest } from './raft-input.ts'
import { defaultRaftTimeouts } from './raft-node-options.ts'
import type { Voter } from './voter.ts'

const none = 'AAAAAAAAAAAAAAAAAAAAAA'
const voter = (id: number, directoryId = none): Voter => ({ id, directoryId })
const endpoint = { host: 'h', port: 1 }
const state = (epoch: number, facts: Partial<ElectionState> = {}): ElectionState => ({ ...initialElectionState, epoch, ...facts })

interface Given {
  readonly voters?: readonly Voter[]
  readonly self?: Voter
  readonly state?: ElectionState
  readonly log?: { readonly endOffset: number; readonly epoch: number }
  readonly canVote?: boolean
}

/** A machine and a shell by hand: no World. Every random wait is as short as it may be. */
function raftOf(given: Given = {}) {
  const { voters = [1, 2, 3].map(id => voter(id)), self = voter(1), log = { endOffset: 0, epoch: 0 }, canVote = true } = given
  const persisted: ElectionState[] = []
  const sent: { to: number; message: RaftMessage }[] = []
  const timers = new Map<string, { atMs: number; input: RaftInput }>()
  const timing = new ElectionTiming(defaultRaftTimeouts, () => 0)
  const raft = new Raft({ self, voters, canVote, timing, endpointOf: () => endpoint }, given.state ?? initialElectionState)
  let nowMs = 0
  const step = (input: RaftInput) => {
    for (const effect of raft.step(input, nowMs)) {
      if (effect.kind === 'append') {
        persisted.push(...effect.records)
        for (const record of effect.records) raft.apply(record)
      } else if (effect.kind === 'send') sent.push({ to: effect.to, message: effect.message })
      else if (effect.kind === 'timer') timers.set(effect.name, effect)
      else if (effect.kind === 'reply') effect.complete()
    }
  }
  /** Lets the time pass and the timers fire. */
  const pass = (ms: number) => {
    const untilMs = nowMs + ms
    for (;;) {
      const [name, timer] = [...timers].sort((a, b) => a[1].atMs - b[1].atMs)[0] ?? []
      if (!timer || timer.atMs > untilMs) break
      nowMs = timer.atMs
      timers.delete(name!)
      step(timer.input)
    }
    nowMs = untilMs
  }
  const answerVote = (from: number, granted: boolean) =>
    step({ kind: 'vote-answered', from, epoch: raft.epoch, preVote: raft.role === 'prospective', granted })
  const askVote = (request: Partial<RaftVoteRequest>): boolean => {
    let answer: boolean | undefined
    const whole = { epoch: 1, candidate: voter(2), log, preVote: false, ...request }
    step({ kind: 'vote-requested', request: whole, answer: granted => void (answer = granted) })
    return answer!
  }
  const hear = (epoch: number, leaderId: number) => step({ kind: 'leader-heard', epoch, leaderId, endpoint })
  step({ kind: 'started', log, highWatermark: 0 })
  return { raft, step, pass, persisted, sent, answerVote, askVote, hear }
}

test('a pre-vote goes on when who answers it still names the leader that has fallen silent', () => {
  const { raft, pass, hear, answerVote, sent } = raftOf()
  hear(1, 3)
  while (raft.role !== 'prospective') pass(100)
  hear(1, 3)
  answerVote(2, true)
  expect(raft.role).toBe('candidate')
  expect(sent.at(-1)).toMatchObject({ message: { kind: 'vote', request: { preVote: false } } })
})

describe('the only voter', () => {
  test('leads the next epoch at once, and that is written before anything else', () => {
    const { raft, persisted, sent } = raftOf({ voters: [voter(1)] })
    expect([raft.role, raft.leaderId]).toEqual(['leader', 1])
    expect(persisted).toEqual([{ epoch: 1, leaderId: 1, votedId: -1, votedDirectoryId: none }])
    expect(sent).toEqual([])
  })

  test('never leads an epoch twice: neither that of quorum-state nor that of its log', () => {
    const { raft } = raftOf({ voters: [voter(1)], state: state(4, { leaderId: 1 }), log: { endOffset: 10, epoch: 6 } })
    expect([raft.epoch, raft.leaderId]).toEqual([7, 1])
  })

  test('commits what is flushed, once a batch of its own epoch is', () => {
    const { raft, step } = raftOf({ voters: [voter(1)], log: { endOffset: 10, epoch: 3 } })
    step({ kind: 'flushed', endOffset: 10 })
    expect(raft.highWatermark).toBe(0)
    step({ kind: 'flushed', endOffset: 11 })
    expect(raft.highWatermark).toBe(11)
  })

  test('never resigns for lack of others', () => {
    const { raft, pass } = raftOf({ voters: [voter(1)] })
    pass(100_000)
    expect(raft.role).toBe('leader')
  })
})
