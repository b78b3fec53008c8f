import { expect, test } from 'vitest'
import { subscription } from '../testing/group-scenario.ts'
import { coordinatorPartition, javaHash } from './coordinator-partition.ts'
import { subscribedTopicsOf } from './subscription.ts'

test("hashes as Java's String does, over UTF-16 units", () => {
  // Values of Java's own hashCode; "polygenelubricants" is the smallest int, which counts as 0.
  expect(['', 'a', 'console-consumer-1234', 'Größe', '😀', 'polygenelubricants'].map(javaHash)).toEqual([
    0, 97, 836395459, 69209585, 1772899, -2147483648,
  ])
  expect(coordinatorPartition('polygenelubricants', 50)).toBe(0)
  expect(coordinatorPartition('console-consumer-1234', 50)).toBe(9)
})

test('topics of a subscription; anything else is opaque', () => {
  expect(subscribedTopicsOf(subscription('t', 'other'))).toEqual(['t', 'other'])
  for (const bytes of [
    [],
    [0, 0],
    [0, 0, 0, 0, 0, 9],
    [0, 0, 127, 255, 255, 255],
    [255, 255, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 1, 0, 9, 65],
  ])
    expect(subscribedTopicsOf(Uint8Array.from(bytes))).toBeNull()
})
