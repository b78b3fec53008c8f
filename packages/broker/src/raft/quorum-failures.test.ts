import { SeededRandom } from '@millrace/testkit'
import { afterAll, describe, expect, test } from 'vitest'
import { SimulatedQuorum } from './testing/simulated-quorum.ts'

/** Faults come for so long, then all is healed and progress is due. */
const faultMs = 6000
const seeds = 60

/** Nodes crash with and without their unsynced writes and come back, links are cut in one or both directions, messages are lost; meanwhile records are appended. */
async function runFaults(seed: number, isDynamic: boolean): Promise<SimulatedQuorum> {
  const random = new SeededRandom(`faults/${seed}`)
  const voters = [1, 2, 3, 4, 5].slice(0, random.below(2) === 0 ? 3 : 5)
  const observers = random.below(2) === 0 ? [] : [8, 9].slice(random.below(2))
  // In a dynamic quorum one that may vote joins and goes.
  const ids = isDynamic ? [...voters, 6, ...observers] : [...voters, ...observers]
  const canVote = (id: number) => id < 8
  const snapshotBytes = random.below(2) === 0 ? undefined : 1000
  const quorum = new SimulatedQuorum({ seed, voters, observers, isDynamic, ...(snapshotBytes ? { snapshotBytes } : {}) })
  const { scheduler } = quorum.universe
  if (isDynamic) quorum.start(6)
  let count = 0
  const offer = () => {
    if (quorum.nowMs > faultMs) return
    quorum.offer(`r${count++}`)
    scheduler.after(random.below(4) > 0 ? random.float() : random.below(200), offer)
  }
  offer()
  const any = () => ids[random.below(ids.length)]!
  const restart = (id: number) => {
    if (!quorum.members.has(id)) quorum.start(id, canVote(id) ? {} : { canVote: false })
  }
  while (quorum.nowMs < faultMs) {
    await quorum.pass(random.below(800))
    const id = any()
    const other = any()
    if (isDynamic && random.below(3) === 0) quorum.changeVoter(any())
    switch (random.below(9)) {
      case 0:
      case 1:
        if (!quorum.members.has(id)) break
        quorum.crash(id, random.below(3) > 0)
        scheduler.after(random.below(3000), () => restart(id))
        break
      case 2:
        for (const all of ids) {
          if (quorum.members.has(all)) quorum.crash(all, random.below(2) > 0)
          scheduler.after(random.below(500), () => restart(all))
        }
        break
      case 3:
        if (id !== other) quorum.cut(id, other, random.below(2) === 0)
        break
      case 4:
        quorum.isolate(id)
        break
      case 5:
        quorum.loss = random.float() * 0.3
        break
      case 6:
        quorum.heal()
        break
      case 8:
        if (quorum.members.has(id))
          quorum.crashWithin(id, random.below(40), 1000, () => scheduler.after(random.below(1000), () => restart(id)))
        break
      case 7:
        if (quorum.members.has(id)) quorum.machine(id).pause(random.below(4000))
        break
    }
  }
  quorum.heal()
  for (const id of ids) restart(id)
  await quorum.pass(3000)
  await quorum.elected()
  await quorum.until(() => quorum.leader !== undefined && quorum.leader.node.raft.highWatermark > 0)
  for (let last = ''; !quorum.acknowledged.has(last); ) {
    last = `last${count++}`
    quorum.offer(last)
    await quorum.pass(500)
    if (quorum.nowMs > faultMs + 60_000) throw new Error('no progress after healing')
  }
  await quorum.settled()
  return quorum
}

describe.each([false, true])('a quorum with faults, dynamic %s', isDynamic => {
  const seen = { acknowledged: 0, elections: 0, snapshots: 0, changes: 0 }
  // A run in which nothing happens proves nothing.
  afterAll(() => {
    const { acknowledged, elections, snapshots, changes } = seen
    expect(Math.min(acknowledged / 20, elections / 2, snapshots * 2)).toBeGreaterThan(seeds)
    expect(changes * 4 > seeds).toBe(isDynamic)
  })

  test.each(Array.from({ length: seeds }, (_, seed) => seed))('seed %i: nothing acknowledged is lost, all agree', async seed => {
    const quorum = await runFaults(seed, isDynamic)
    expect(quorum.violations).toEqual([])
    seen.acknowledged += quorum.acknowledged.size
    seen.elections += quorum.leader!.node.raft.epoch
    seen.changes += quorum.changes
    for (const { loaded } of quorum.members.values()) seen.snapshots += loaded
    const [first, ...others] = [...quorum.members.values()]
    const applied = new Set(first!.applied)
    expect([...quorum.acknowledged].filter(record => !applied.has(record))).toEqual([])
    expect(applied.size).toBe(first!.applied.length)
    for (const other of others) expect(other.applied).toEqual(first!.applied)
  })
})
