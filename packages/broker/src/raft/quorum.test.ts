import { describe, expect, test } from 'vitest'
import { SimulatedQuorum } from './testing/simulated-quorum.ts'

describe('three voters', () => {
  test('elect one leader, and all apply what it commits', async () => {
    const quorum = new SimulatedQuorum({ seed: 1, observers: [9] })
    const leader = await quorum.elected()
    await Promise.all([leader.append('a'), quorum.until(() => leader.applied.length === 1)])
    await quorum.settled()
    for (const { applied, leaders } of quorum.members.values()) {
      expect(applied).toEqual(['a'])
      expect(leaders.at(-1)).toEqual({ id: leader.id, epoch: 1 })
    }
    expect(quorum.violations).toEqual([])
  })
})
