import { describe, expect, test } from 'vitest'
import { unassignedDirectory } from './directory-id.ts'
import { changePartition } from './partition-change.ts'
import type { PartitionImage } from './partition-image.ts'

const topicId = 'AAAAAAAAAAAAAAAAAAAABQ'

function partition(fields: Partial<PartitionImage>): PartitionImage {
  return {
    leader: 1,
    leaderEpoch: 3,
    partitionEpoch: 7,
    replicas: [1, 2, 3],
    isr: [1, 2, 3],
    eligibleLeaderReplicas: [],
    lastKnownEligibleLeaderReplicas: [],
    offlineReplicas: [],
    addingReplicas: [],
    removingReplicas: [],
    leaderRecoveryState: 0,
    directories: Array(fields.replicas?.length ?? 3).fill(unassignedDirectory),
    ...fields,
  }
}

function elect(
  fields: Partial<PartitionImage>,
  {
    alive,
    isr,
    unclean = false,
    min = 2,
    uncleanShutdown = [],
  }: {
    alive: number[]
    isr?: number[]
    unclean?: boolean
    min?: number
    uncleanShutdown?: number[]
  },
) {
  const record = changePartition(
    partition(fields),
    {
      topicId,
      partitionId: 0,
      ...(isr ? { isr } : {}),
      canLead: id => alive.includes(id),
      election: unclean ? 'unclean' : 'online',
      uncleanShutdown,
    },
    { minInsyncReplicas: min, eligibleReplicas: true, metadataVersion: 30 },
  )
  if (record === null) return null
  // What does not change is left out, so that the test reads as the change.
  const value: Record<string, unknown> = record.value as never
  return Object.fromEntries(
    Object.entries(value).filter(
      ([name, it]) => it !== null && !(name === 'leader' && it === -2) && it !== -1 && !/Id$/.test(name),
    ),
  )
}

describe('a leader', () => {
  test('stays while it can', () => {
    expect(elect({}, { alive: [1, 2, 3] })).toBeNull()
  })

  test('that went is followed by the first replica in sync', () => {
    expect(elect({}, { alive: [2, 3], isr: [2, 3] })).toEqual({ leader: 2, isr: [2, 3] })
    expect(elect({ replicas: [1, 3, 2] }, { alive: [2, 3], isr: [2, 3] })).toEqual({ leader: 3, isr: [2, 3] })
  })

  test('that was the last in sync stays eligible, and leads again when it is back', () => {
    const gone = changePartition(
      partition({ replicas: [1], isr: [1] }),
      { topicId, partitionId: 0, isr: [], canLead: () => false },
      { minInsyncReplicas: 1, eligibleReplicas: true, metadataVersion: 30 },
    )
    expect(gone?.value).toMatchObject({ leader: -1, isr: [], eligibleLeaderReplicas: [1], lastKnownElr: [1] })
    const without = { replicas: [1], leader: -1, isr: [], eligibleLeaderReplicas: [1], lastKnownEligibleLeaderReplicas: [1] }
    expect(elect(without, { alive: [1], min: 1 })).toEqual({
      leader: 1,
      isr: [1],
      eligibleLeaderReplicas: [],
      lastKnownElr: [],
    })
  })
})

describe('an in-sync set that shrinks below min.insync.replicas', () => {
  test('leaves those that left it eligible', () => {
    expect(elect({ isr: [1, 2] }, { alive: [1], isr: [1] })).toEqual({ isr: [1], eligibleLeaderReplicas: [2] })
  })

  test('does not leave one eligible that went down uncleanly', () => {
    expect(elect({ isr: [1, 2] }, { alive: [1], isr: [1], uncleanShutdown: [2] })).toEqual({ isr: [1] })
  })

  test('is refilled from the eligible ones', () => {
    const fields = { leader: -1, isr: [], eligibleLeaderReplicas: [2, 3], lastKnownEligibleLeaderReplicas: [1] }
    expect(elect(fields, { alive: [3] })).toEqual({ leader: 3, isr: [3], eligibleLeaderReplicas: [2], lastKnownElr: [] })
  })
})

describe('with nobody in sync or eligible', () => {
  const lost = { leader: -1, isr: [], lastKnownEligibleLeaderReplicas: [2] }

  test('the last known leader leads and must say when it has recovered', () => {
    expect(elect(lost, { alive: [2, 3] })).toEqual({ leader: 2, isr: [2], lastKnownElr: [], leaderRecoveryState: 1 })
  })

  test('another replica leads only where unclean election is allowed', () => {
    expect(elect(lost, { alive: [3] })).toBeNull()
    expect(elect(lost, { alive: [3], unclean: true })).toEqual({ leader: 3, isr: [3], lastKnownElr: [], leaderRecoveryState: 1 })
  })
})
