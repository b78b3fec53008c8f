import { expect, test } from 'vitest'
import { ByteRate } from './byte-rate.ts'

test('a window that is not full counts as a whole one, and old samples leave it', () => {
  const rate = new ByteRate(11, 1000)
  expect(rate.perSecond(0)).toBe(0)
  rate.add(5000, 100)
  rate.add(5000, 900)
  expect(rate.perSecond(1000)).toBe(1000)
  for (let second = 1; second <= 10; second++) rate.add(10_000, 100 + second * 1000)
  expect(rate.perSecond(10_200)).toBeCloseTo(110_000 / 10.1, 0)
  expect(rate.perSecond(15_000)).toBeLessThan(10_000)
  expect(rate.perSecond(60_000)).toBe(0)
})
