import { describe, expect, test } from 'vitest'
import { committedOffset, isMajority } from './majority.ts'
import { type ElectionState, initialElectionState } from './quorum-state.ts'
import { Raft, type RaftInput, type VoteRequest } from './raft.ts'

const none = 'AAAAAAAAAAAAAAAAAAAAAA'
const voter = (id: number) => ({ id, directoryId: none })

function raftOf(voterIds: number[], state: ElectionState = initialElectionState) {
  const persisted: ElectionState[] = []
  const sent: { to: number; message: VoteRequest }[] = []
  const timers: { atMs: number; input: RaftInput }[] = []
  const raft = new Raft({ self: voter(1), voters: voterIds.map(voter), electionTimeoutMs: 1000, jitterMs: () => 7 }, state)
  // A shell by hand: no World.
  const step = (input: RaftInput, nowMs = 0) => {
    for (const effect of raft.step(input, nowMs)) {
      if (effect.kind === 'append') {
        persisted.push(...effect.records)
        for (const record of effect.records) raft.apply(record)
      }
      if (effect.kind === 'send') sent.push(effect)
      else if (effect.kind === 'timer') timers.push(effect)
    }
  }
  return { raft, step, persisted, sent, timers }
}

describe('the only voter', () => {
  test('leads the next epoch at once, its vote written before it leads', () => {
    const { raft, step, persisted, timers } = raftOf([1])
    step({ kind: 'started', logEndOffset: 0, lastEpoch: 0 })
    expect(raft.role).toBe('leader')
    expect(persisted).toEqual([
      { epoch: 1, leaderId: -1, votedId: 1, votedDirectoryId: none },
      { epoch: 1, leaderId: 1, votedId: -1, votedDirectoryId: none },
    ])
    expect(timers).toEqual([])
  })

  test('never leads an epoch twice: neither that of quorum-state nor that of its log', () => {
    const { raft, step } = raftOf([1], { epoch: 4, leaderId: 1, votedId: -1, votedDirectoryId: none })
    expect(raft.leaderId).toBe(-1)
    step({ kind: 'started', logEndOffset: 10, lastEpoch: 6 })
    expect([raft.epoch, raft.leaderId]).toEqual([7, 1])
  })

  test('commits what is flushed, once a batch of its own epoch is', () => {
    const { raft, step } = raftOf([1])
    step({ kind: 'started', logEndOffset: 10, lastEpoch: 3 })
    step({ kind: 'flushed', endOffset: 10 })
    expect(raft.highWatermark).toBe(-1)
    step({ kind: 'flushed', endOffset: 11 })
    expect(raft.highWatermark).toBe(11)
  })
})

describe('one of three voters', () => {
  test('waits for the election timeout, asks the others, leads with one vote of them', () => {
    const { raft, step, sent, timers } = raftOf([1, 2, 3])
    step({ kind: 'started', logEndOffset: 5, lastEpoch: 2 }, 100)
    expect(timers).toMatchObject([{ atMs: 1107, input: { kind: 'election-timeout', epoch: 0 } }])
    step({ kind: 'election-timeout', epoch: 0 }, 1107)
    expect(raft.role).toBe('candidate')
    const request = { kind: 'vote', epoch: 3, candidate: voter(1), lastEpoch: 2, logEndOffset: 5 }
    expect(sent.map(({ to, message }) => ({ to, message }))).toEqual([
      { to: 2, message: request },
      { to: 3, message: request },
    ])
    step({ kind: 'vote-answered', from: 2, epoch: 3, granted: false })
    expect(raft.role).toBe('candidate')
    step({ kind: 'vote-answered', from: 3, epoch: 2, granted: true })
    expect(raft.role).toBe('candidate')
    step({ kind: 'vote-answered', from: 3, epoch: 3, granted: true })
    expect(raft.role).toBe('leader')
    expect(raft.grantingVoters.map(({ id }) => id)).toEqual([1, 3])
  })

  test('commits what two of three have, and not before one of the others fetched behind the first batch of the epoch', () => {
    const { raft, step } = raftOf([1, 2, 3])
    step({ kind: 'started', logEndOffset: 5, lastEpoch: 2 })
    step({ kind: 'election-timeout', epoch: 0 })
    step({ kind: 'vote-answered', from: 2, epoch: 3, granted: true })
    step({ kind: 'flushed', endOffset: 8 })
    expect(raft.highWatermark).toBe(-1)
    step({ kind: 'fetched', from: 3, endOffset: 5 })
    expect(raft.highWatermark).toBe(-1)
    step({ kind: 'fetched', from: 9, endOffset: 8 })
    expect(raft.highWatermark).toBe(-1)
    step({ kind: 'fetched', from: 2, endOffset: 7 })
    expect(raft.highWatermark).toBe(7)
    step({ kind: 'fetched', from: 2, endOffset: 6 })
    expect(raft.highWatermark).toBe(7)
  })
})

test('a majority is more than half of the voters', () => {
  expect(isMajority([1, 2, 3, 4].map(voter), new Set([1, 2]))).toBe(false)
  expect(isMajority([1, 2, 3, 4].map(voter), new Set([1, 2, 4]))).toBe(true)
  expect(isMajority([1].map(voter), new Set([2]))).toBe(false)
})

test('the committed offset is the one that a majority has reached', () => {
  const offsets = new Map([
    [1, 10],
    [2, 5],
    [3, 7],
  ])
  expect(committedOffset([1, 2, 3].map(voter), offsets)).toBe(7)
  expect(committedOffset([1, 2].map(voter), offsets)).toBe(5)
  expect(committedOffset([1, 4, 5].map(voter), offsets)).toBe(-1)
})
