import { ErrorCode } from '@millrace/protocol'
import { seededRandom } from '@millrace/protocol/internal'
import { describe, expect, test } from 'vitest'
import { ControllerScenario } from '../testing/controller-scenario.ts'
import { placeReplicas } from './replica-placement.ts'

const { below } = seededRandom(7)

/** Brokers with their racks; those whose number is in `fenced` registered and are not heard. */
function clusterOf(racks: Readonly<Record<number, string | null>>, fenced: readonly number[] = []) {
  const scenario = new ControllerScenario([])
  for (const [id, rack] of Object.entries(racks)) {
    scenario.register(Number(id), { rack })
    if (!fenced.includes(Number(id))) scenario.heartbeat(Number(id))
  }
  return scenario.image
}

function counts(values: readonly number[]): Record<number, number> {
  const result: Record<number, number> = {}
  for (const value of values) result[value] = (result[value] ?? 0) + 1
  return result
}

describe('replicas of new partitions', () => {
  test('are on brokers of their own, and every broker leads and holds as many as the others', () => {
    const image = clusterOf({ 1: null, 2: null, 3: null, 4: null })
    const placed = placeReplicas(image, 400, 3, below)
    expect(placed.every(replicas => new Set(replicas).size === 3)).toBe(true)
    expect(counts(placed.map(([leader]) => leader!))).toEqual({ 1: 100, 2: 100, 3: 100, 4: 100 })
    expect(counts(placed.flat())).toEqual({ 1: 300, 2: 300, 3: 300, 4: 300 })
  })

  test('of one leader have all the others as followers', () => {
    const placed = placeReplicas(clusterOf({ 1: null, 2: null, 3: null, 4: null }), 400, 2, below)
    const pairs = new Set(placed.map(([leader, follower]) => `${leader}-${follower}`))
    expect(pairs.size).toBe(12)
  })

  test('are in different racks as long as there are racks, and leaders go round them', () => {
    const racks: Record<number, string> = { 1: 'a', 2: 'a', 3: 'b', 4: 'b', 5: 'c', 6: 'c' }
    const image = clusterOf(racks)
    for (const replicas of placeReplicas(image, 300, 3, below)) expect(new Set(replicas.map(id => racks[id])).size).toBe(3)
    const leaders = placeReplicas(image, 300, 3, below).map(([leader]) => leader!)
    expect(counts(leaders)).toEqual({ 1: 50, 2: 50, 3: 50, 4: 50, 5: 50, 6: 50 })
    for (const replicas of placeReplicas(image, 60, 5, below)) {
      expect(new Set(replicas).size).toBe(5)
      expect(new Set(replicas.map(id => racks[id])).size).toBe(3)
    }
  })

  test('are on fenced brokers last, which never lead', () => {
    const image = clusterOf({ 1: null, 2: null, 3: null }, [2])
    for (const replicas of placeReplicas(image, 30, 2, below)) expect(replicas).not.toContain(2)
    for (const replicas of placeReplicas(image, 30, 3, below)) expect(replicas[2]).toBe(2)
  })

  test('for ten thousand partitions take a moment', () => {
    expect(placeReplicas(clusterOf({ 1: 'a', 2: 'b', 3: 'c' }), 10_000, 3, below)).toHaveLength(10_000)
  })

  test.each([
    [
      'more than there are brokers',
      clusterOf({ 1: null, 2: null }),
      'Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be reached because only 2 broker(s) are registered.',
    ],
    [
      'while all are fenced',
      clusterOf({ 1: null, 2: null, 3: null }, [1, 2, 3]),
      'Unable to replicate the partition 3 time(s): All brokers are currently fenced.',
    ],
  ])('are refused when they are %s', (_, image, message) => {
    expect(() => placeReplicas(image, 1, 3, below)).toThrow(
      expect.objectContaining({ errorCode: ErrorCode.INVALID_REPLICATION_FACTOR, message }),
    )
  })
})
