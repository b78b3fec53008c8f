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
  const hear = (epoch: number, leaderId: number, byItself = false) =>
    step({ kind: 'leader-heard', epoch, leaderId, endpoint, byItself })
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

/** One that leads epoch 1 of three, voted for by 2. */
function leaderOf(given: Given = {}) {
  const quorum = raftOf(given)
  quorum.pass(200)
  quorum.answerVote(2, true)
  quorum.answerVote(2, true)
  quorum.sent.length = 0
  return quorum
}

const kinds = (sent: readonly { readonly to: number; readonly message: RaftMessage }[]) =>
  sent.map(({ to, message }) => [to, message.kind])

describe('an election', () => {
  test('begins with the question whether it could be won, then asks for votes in the next epoch, its own on disk before', () => {
    const { raft, pass, sent, answerVote, persisted } = raftOf({ log: { endOffset: 5, epoch: 2 } })
    expect([raft.role, raft.epoch]).toEqual(['unattached', 2])
    pass(200)
    expect(raft.role).toBe('prospective')
    const request = { epoch: 2, candidate: voter(1), log: { endOffset: 5, epoch: 2 }, preVote: true }
    expect(sent.splice(0)).toEqual([2, 3].map(to => ({ to, message: { kind: 'vote', request } })))
    answerVote(3, true)
    expect(raft.role).toBe('candidate')
    expect(persisted.at(-1)).toEqual(state(3, { votedId: 1 }))
    expect(sent.splice(0)).toEqual(
      [2, 3].map(to => ({ to, message: { kind: 'vote', request: { ...request, epoch: 3, preVote: false } } })),
    )
    answerVote(2, false)
    expect(raft.role).toBe('candidate')
    answerVote(3, true)
    expect([raft.role, raft.leaderId]).toEqual(['leader', 1])
    expect(raft.grantingVoters.map(({ id }) => id)).toEqual([1, 3])
    expect(kinds(sent)).toEqual([
      [2, 'begin'],
      [3, 'begin'],
    ])
  })

  test('answers of another epoch, to the other question or of a stranger do not count', () => {
    const { raft, pass, step } = raftOf()
    pass(200)
    const answer = { kind: 'vote-answered', from: 2, epoch: 0, preVote: true, granted: true } as const
    step({ ...answer, epoch: 1 })
    step({ ...answer, preVote: false })
    step({ ...answer, from: 9 })
    expect(raft.role).toBe('prospective')
    step(answer)
    step(answer)
    expect(raft.role).toBe('candidate')
  })

  test('that nobody answers is tried again, and the epoch does not grow by it', () => {
    const { raft, pass } = raftOf()
    pass(60_000)
    expect(raft.epoch).toBe(0)
  })

  test('that is split is tried again soon, in a further epoch', () => {
    const { raft, pass, answerVote } = raftOf()
    pass(200)
    answerVote(2, true)
    for (const from of [2, 3]) answerVote(from, false)
    expect(raft.role).toBe('candidate')
    pass(500)
    expect([raft.role, raft.epoch]).toEqual(['prospective', 1])
    answerVote(2, true)
    expect([raft.role, raft.epoch]).toEqual(['candidate', 2])
  })

  test('that others refuse in the pre-vote changes nothing on disk', () => {
    const { raft, pass, answerVote, persisted } = raftOf()
    pass(200)
    answerVote(2, false)
    answerVote(3, false)
    expect([raft.role, raft.epoch]).toEqual(['unattached', 0])
    expect(persisted).toEqual([])
  })

  test('ends when another leader is heard', () => {
    const { raft, pass, answerVote, hear } = raftOf()
    pass(200)
    answerVote(2, true)
    hear(1, 3)
    expect([raft.role, raft.leaderId]).toEqual(['follower', 3])
    answerVote(2, true)
    expect(raft.role).toBe('follower')
  })

  test('is none of an observer’s, nor of a voter’s id on another disk or without the role', () => {
    for (const given of [
      { self: voter(9) },
      { self: voter(1, 'DDDDDDDDDDDDDDDDDDDDDA'), voters: [voter(1, 'EEEEEEEEEEEEEEEEEEEEEA'), voter(2)] },
      { canVote: false },
    ]) {
      const { raft, pass, hear } = raftOf(given)
      pass(10_000)
      hear(3, 2)
      pass(10_000)
      expect([raft.role, raft.epoch, raft.isVoter]).toEqual(['unattached', 3, false])
    }
  })
})

describe('a leader with this node’s own number', () => {
  test('is another process to who may not vote, and is followed: it says so when it is asked', () => {
    const { raft, hear } = raftOf({ canVote: false })
    hear(3, 1, true)
    expect([raft.role, raft.leaderId, raft.leaderEndpoint]).toEqual(['follower', 1, endpoint])
  })

  test('is what a voter was before it lost its disk, and the next election is waited for', () => {
    const { raft, hear } = raftOf()
    hear(3, 1)
    expect([raft.role, raft.epoch, raft.leaderId]).toEqual(['unattached', 3, -1])
  })
})

describe('a vote', () => {
  const log = { endOffset: 5, epoch: 2 }

  test('is given once an epoch, to whoever asks first, and again to the same', () => {
    const { raft, askVote, persisted } = raftOf({ log })
    expect(askVote({ epoch: 3, candidate: voter(2) })).toBe(true)
    expect(persisted.at(-1)).toEqual(state(3, { votedId: 2 }))
    expect(askVote({ epoch: 3, candidate: voter(3) })).toBe(false)
    expect(askVote({ epoch: 3, candidate: voter(2) })).toBe(true)
    expect(askVote({ epoch: 4, candidate: voter(3) })).toBe(true)
    expect(raft.epoch).toBe(4)
  })

  test('given before a restart is remembered', () => {
    const { askVote } = raftOf({ log, state: state(3, { votedId: 2 }) })
    expect(askVote({ epoch: 3, candidate: voter(3) })).toBe(false)
    expect(askVote({ epoch: 3, candidate: voter(2) })).toBe(true)
  })

  test('of the same id on another disk is another one', () => {
    const [first, second] = [voter(2, 'DDDDDDDDDDDDDDDDDDDDDA'), voter(2, 'EEEEEEEEEEEEEEEEEEEEEA')]
    const { askVote } = raftOf({ log })
    expect(askVote({ epoch: 3, candidate: first })).toBe(true)
    expect(askVote({ epoch: 3, candidate: second })).toBe(false)
  })

  test.each([
    ['a longer log of the same epoch', { endOffset: 6, epoch: 2 }, true],
    ['the same log', log, true],
    ['a shorter log of the same epoch', { endOffset: 4, epoch: 2 }, false],
    ['a shorter log of a later epoch', { endOffset: 1, epoch: 3 }, true],
    ['a longer log of an earlier epoch', { endOffset: 9, epoch: 1 }, false],
  ])('for %s', (_, candidateLog, granted) => {
    expect(raftOf({ log }).askVote({ epoch: 4, log: candidateLog })).toBe(granted)
    expect(raftOf({ log }).askVote({ epoch: 4, log: candidateLog, preVote: true })).toBe(granted)
  })

  test('is refused in a former epoch, by a leader, a candidate and a follower of the epoch', () => {
    expect(raftOf({ log }).askVote({ epoch: 1 })).toBe(false)
    expect(leaderOf().askVote({ epoch: 1, candidate: voter(3) })).toBe(false)
    const candidate = raftOf()
    candidate.pass(200)
    candidate.answerVote(2, true)
    expect(candidate.askVote({ epoch: 1, candidate: voter(3) })).toBe(false)
    const follower = raftOf()
    follower.hear(1, 3)
    expect(follower.askVote({ epoch: 1 })).toBe(false)
  })

  test('is not wished for while the leader answers, and is when it ended its epoch', () => {
    const { askVote, hear, step } = raftOf()
    hear(1, 3)
    expect(askVote({ epoch: 1, preVote: true })).toBe(true)
    step({ kind: 'leader-answered', epoch: 1, highWatermark: 0 })
    expect(askVote({ epoch: 1, preVote: true })).toBe(false)
    step({ kind: 'leader-ended', epoch: 1, leaderId: 3, endpoint, candidates: [voter(2), voter(1)] })
    expect(askVote({ epoch: 1, preVote: true })).toBe(true)
  })

  test('request of a later epoch makes a leader give up, whatever the answer', () => {
    const { raft, askVote } = leaderOf({ log })
    expect(askVote({ epoch: 9, log: { endOffset: 1, epoch: 1 } })).toBe(false)
    expect([raft.role, raft.epoch, raft.leaderId, raft.progress]).toEqual(['unattached', 9, -1, null])
  })
})

describe('a leader', () => {
  const fetched = (from: number, endOffset: number): RaftInput => ({ kind: 'fetched', replica: voter(from), endOffset })

  test('commits what a majority of the voters has, and not before a batch of its own epoch is among it (Raft §5.4.2)', () => {
    const { raft, step } = leaderOf({ log: { endOffset: 5, epoch: 2 } })
    step({ kind: 'log-changed', log: { endOffset: 8, epoch: 3 } })
    step({ kind: 'flushed', endOffset: 8 })
    step(fetched(3, 5))
    expect(raft.highWatermark).toBe(0)
    step(fetched(9, 8))
    expect(raft.highWatermark).toBe(0)
    step(fetched(2, 7))
    expect(raft.highWatermark).toBe(7)
    step(fetched(2, 6))
    step(fetched(3, 6))
    expect(raft.highWatermark).toBe(7)
  })

  test('does not count itself before its own disk has the batch, and needs it not', () => {
    const { raft, step } = leaderOf()
    step({ kind: 'log-changed', log: { endOffset: 1, epoch: 1 } })
    step(fetched(2, 1))
    expect(raft.highWatermark).toBe(0)
    step(fetched(3, 1))
    expect(raft.highWatermark).toBe(1)
  })

  test('resigns when it heard no majority for one and a half fetch timeouts, and says who has most', () => {
    const { raft, step, pass, sent, persisted } = leaderOf()
    pass(2000)
    step(fetched(2, 0))
    pass(2500)
    expect(raft.role).toBe('leader')
    step(fetched(3, 1))
    pass(2900)
    expect(raft.role).toBe('leader')
    sent.length = 0
    const written = persisted.length
    pass(200)
    expect([raft.role, raft.leaderId]).toEqual(['resigned', -1])
    const end = sent.filter(({ message }) => message.kind === 'end')
    expect(end.map(({ to }) => to)).toEqual([3, 2])
    expect(end[0]!.message).toMatchObject({ epoch: 1, candidates: [voter(3), voter(2)] })
    expect(persisted).toHaveLength(written)
  })

  test('is kept by replicas that load a snapshot, and not by observers', () => {
    const { raft, step, pass } = leaderOf()
    for (let i = 0; i < 5; i++) {
      pass(2000)
      step(fetched(2, -1))
    }
    expect(raft.role).toBe('leader')
    for (let i = 0; i < 5; i++) {
      pass(1000)
      step(fetched(9, 0))
    }
    expect(raft.role).not.toBe('leader')
  })

  test('makes itself known again and again to voters that do not fetch', () => {
    const { step, pass, sent } = leaderOf()
    pass(900)
    step(fetched(2, 0))
    pass(200)
    expect(kinds(sent)).toEqual([[3, 'begin']])
  })

  test('that resigned stands again in a later epoch only', () => {
    const { raft, step, pass, answerVote } = leaderOf()
    step({ kind: 'resign' })
    expect(raft.role).toBe('resigned')
    pass(1100)
    expect([raft.role, raft.epoch]).toEqual(['prospective', 2])
    answerVote(2, true)
    expect(raft.epoch).toBe(3)
  })

  test('that started again does not lead its epoch any more, and stands in a later one', () => {
    const { raft, pass, askVote } = raftOf({ state: state(4, { leaderId: 1 }) })
    expect([raft.role, raft.leaderId]).toEqual(['resigned', -1])
    expect(askVote({ epoch: 4 })).toBe(false)
    pass(200)
    expect([raft.role, raft.epoch]).toEqual(['prospective', 5])
  })

  test('counts a new voter from the moment on that its log has it', () => {
    const { raft, step } = leaderOf()
    step({ kind: 'log-changed', log: { endOffset: 3, epoch: 1 } })
    step({ kind: 'flushed', endOffset: 3 })
    step({ kind: 'voters-changed', voters: [1, 2, 3, 4].map(id => voter(id)) })
    step(fetched(2, 3))
    expect(raft.highWatermark).toBe(0)
    step(fetched(4, 3))
    expect(raft.highWatermark).toBe(3)
  })

  test('that is no voter any more commits without itself', () => {
    const { raft, step } = leaderOf()
    step({ kind: 'log-changed', log: { endOffset: 2, epoch: 1 } })
    step({ kind: 'voters-changed', voters: [voter(2), voter(3)] })
    step({ kind: 'flushed', endOffset: 2 })
    step(fetched(2, 2))
    expect(raft.highWatermark).toBe(0)
    step(fetched(3, 2))
    expect(raft.highWatermark).toBe(2)
  })
})

describe('a follower', () => {
  test('asks for an election when its leader is silent, and stays when others still hear it', () => {
    const { raft, pass, hear, step, answerVote } = raftOf()
    hear(1, 3)
    pass(1900)
    step({ kind: 'leader-answered', epoch: 1, highWatermark: 0 })
    pass(1900)
    expect(raft.role).toBe('follower')
    pass(200)
    expect([raft.role, raft.leaderId]).toEqual(['prospective', 3])
    answerVote(2, false)
    answerVote(3, false)
    expect([raft.role, raft.leaderId]).toEqual(['follower', 3])
  })

  test('ends its pre-vote when the leader itself is heard', () => {
    const { raft, pass, hear } = raftOf()
    hear(1, 3)
    pass(2100)
    hear(1, 3)
    expect(raft.role).toBe('prospective')
    hear(1, 3, true)
    expect(raft.role).toBe('follower')
  })

  test('waits less when nobody listens where its leader was', () => {
    const { raft, pass, hear, step } = raftOf()
    hear(1, 3)
    step({ kind: 'leader-unreachable', epoch: 0 })
    pass(1000)
    expect(raft.role).toBe('follower')
    step({ kind: 'leader-unreachable', epoch: 1 })
    pass(100)
    expect(raft.role).toBe('prospective')
  })

  test('of a leader that resigns stands at once if it is the first of the successors, else after them', () => {
    const end = (candidates: readonly Voter[]): RaftInput => ({
      kind: 'leader-ended',
      epoch: 1,
      leaderId: 3,
      endpoint,
      candidates,
    })
    const first = raftOf()
    first.hear(1, 3)
    first.step(end([voter(1), voter(2)]))
    expect([first.raft.role, first.raft.epoch]).toEqual(['candidate', 2])
    const second = raftOf()
    second.hear(1, 3)
    second.step(end([voter(2), voter(1)]))
    expect(second.raft.role).toBe('follower')
    second.pass(500)
    expect(second.raft.role).toBe('prospective')
  })

  test('takes the high watermark as far as its log goes, never back', () => {
    const { raft, hear, step } = raftOf({ log: { endOffset: 5, epoch: 1 } })
    hear(1, 3)
    step({ kind: 'leader-answered', epoch: 1, highWatermark: 9 })
    expect(raft.highWatermark).toBe(5)
    step({ kind: 'leader-answered', epoch: 1, highWatermark: 3 })
    expect(raft.highWatermark).toBe(5)
    step({ kind: 'leader-answered', epoch: 0, highWatermark: 9 })
    expect(raft.highWatermark).toBe(5)
  })

  test('follows the leader of a later epoch, not that of a former one', () => {
    const { raft, hear, persisted } = raftOf()
    hear(2, 3)
    hear(1, 2)
    expect([raft.leaderId, raft.epoch]).toEqual([3, 2])
    hear(4, 2)
    expect([raft.leaderId, raft.epoch]).toEqual([2, 4])
    expect(persisted).toEqual([state(2, { leaderId: 3 }), state(4, { leaderId: 2 })])
  })

  test('does not believe in two leaders of one epoch', () => {
    const { hear } = raftOf()
    hear(1, 3)
    expect(() => hear(1, 2)).toThrow(/epoch 1 is led by 3 and by 2/)
  })
})
