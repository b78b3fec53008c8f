import { expect, test } from 'vitest'
import { AnswerMemory } from './answer-memory.ts'

test('answers that are not taken leave less for the next ones, down to nothing', () => {
  const memory = new AnswerMemory(1_000_000)
  const release = memory.take(600_000)!
  expect(memory.leftBytes).toBe(400_000)
  memory.take(600_000)
  expect(memory.leftBytes).toBe(0)
  release()
  release()
  expect(memory.usedBytes).toBe(600_000)
  expect(memory.leftBytes).toBe(400_000)
})

test('small answers are not counted', () => {
  const memory = new AnswerMemory(1_000_000)
  expect(memory.take(10_000)).toBe(null)
  expect(memory.usedBytes).toBe(0)
})
