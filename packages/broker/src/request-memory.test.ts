import { describe, expect, test } from 'vitest'
import { type MemoryUser, RequestMemory } from './request-memory.ts'

class FakeUser implements MemoryUser {
  paused = false
  pauseReading(): void {
    this.paused = true
  }
  resumeReading(): void {
    this.paused = false
  }
}

describe('request memory', () => {
  test('below the limit nobody is paused', () => {
    const memory = new RequestMemory(100)
    const user = new FakeUser()
    memory.take(user, 100)
    expect(user.paused).toBe(false)
    expect(memory.usedBytes).toBe(100)
  })

  test('above the limit one connection may finish its frame and the others pause', () => {
    const memory = new RequestMemory(100)
    const [first, second, third] = [new FakeUser(), new FakeUser(), new FakeUser()]
    memory.take(first, 101)
    memory.take(second, 10)
    memory.take(third, 10)
    memory.take(first, 10)
    expect([first.paused, second.paused, third.paused]).toEqual([false, true, true])
  })

  test('when the holder is answered and all fits again, everyone goes on', () => {
    const memory = new RequestMemory(100)
    const [first, second, third] = [new FakeUser(), new FakeUser(), new FakeUser()]
    memory.take(first, 101)
    memory.take(second, 10)
    memory.take(third, 10)
    memory.release(first, 101)
    expect([second.paused, third.paused]).toEqual([false, false])
    expect(memory.usedBytes).toBe(20)
  })

  test('when it still does not fit, the one that waited longest becomes the holder', () => {
    const memory = new RequestMemory(100)
    const [first, second, third] = [new FakeUser(), new FakeUser(), new FakeUser()]
    memory.take(first, 101)
    memory.take(second, 90)
    memory.take(third, 90)
    memory.release(first, 101)
    expect([second.paused, third.paused]).toEqual([false, true])
    expect(memory.holder).toBe(second)
  })

  test('a holder that leaves hands its right on', () => {
    const memory = new RequestMemory(100)
    const [first, second, third] = [new FakeUser(), new FakeUser(), new FakeUser()]
    memory.take(first, 120)
    memory.take(second, 120)
    memory.take(third, 120)
    memory.leave(first, 120)
    expect([second.paused, third.paused]).toEqual([false, true])
    memory.leave(second, 120)
    expect(third.paused).toBe(false)
    memory.leave(third, 120)
    expect(memory.usedBytes).toBe(0)
  })

  test('one that leaves while it waits is not resumed later', () => {
    const memory = new RequestMemory(100)
    const [first, second] = [new FakeUser(), new FakeUser()]
    memory.take(first, 120)
    memory.take(second, 10)
    memory.leave(second, 10)
    memory.release(first, 120)
    expect(second.paused).toBe(true)
    expect(memory.holder).toBe(null)
  })
})
