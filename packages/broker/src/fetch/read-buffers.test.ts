import { expect, test } from 'vitest'
import { ReadBuffers } from './read-buffers.ts'

const memoryOf = (buffer: Buffer) => buffer.buffer

test('a buffer that was given back is used for the next read of its size', () => {
  const buffers = new ReadBuffers()
  const first = buffers.take(1_000_000)
  expect(first).toHaveLength(1_000_000)
  buffers.give(first)
  expect(buffers.keptBytes).toBe(2 ** 20)
  const second = buffers.take(1_048_576)
  expect(second).toHaveLength(1_048_576)
  expect(memoryOf(second)).toBe(memoryOf(first))
  expect(buffers.keptBytes).toBe(0)
})

test('two reads at a time have different memory', () => {
  const buffers = new ReadBuffers()
  expect(memoryOf(buffers.take(100_000))).not.toBe(memoryOf(buffers.take(100_000)))
})

test('small and very large reads are left to the collector', () => {
  const buffers = new ReadBuffers()
  for (const size of [100, 20_000, 10_000_000]) {
    const buffer = buffers.take(size)
    expect(buffer).toHaveLength(size)
    buffers.give(buffer)
  }
  expect(buffers.keptBytes).toBe(0)
})

test('no more than 16 MiB are kept', () => {
  const buffers = new ReadBuffers()
  const taken = Array.from({ length: 20 }, () => buffers.take(2 ** 20))
  for (const buffer of taken) buffers.give(buffer)
  expect(buffers.keptBytes).toBe(16 * 2 ** 20)
})
