import { describe, expect, it } from 'vitest'
import { count, groupByKey, to } from '../index.ts'
import { drive, numbers } from '../testing.ts'
import { CacheBudget, type CacheEntry, evict } from './cache.ts'

const entry = (key: string, part: Partial<CacheEntry<string, number>> = {}): [string, CacheEntry<string, number>] => [
  key,
  { key, keyBytes: null, value: 1, timestamp: 0, headers: [], dirty: false, stored: true, used: false, ...part },
]

describe('eviction', () => {
  it('takes clean entries in order, spares the used ones once and the dirty ones always', () => {
    const entries = new Map([entry('used', { used: true }), entry('a'), entry('dirty', { dirty: true }), entry('b'), entry('c')])
    expect(evict(entries, 2)).toBe(3)
    expect([...entries.keys()].sort()).toEqual(['dirty', 'used'])
    expect(evict(entries, 0)).toBe(1)
    expect([...entries.keys()]).toEqual(['dirty'])
  })
})

describe('a budget', () => {
  it('is exceeded above its entries', () => {
    const budget = new CacheBudget(1)
    budget.entries = 1
    expect(budget.isExceeded).toBe(false)
    budget.entries = 2
    expect(budget.isExceeded).toBe(true)
  })
})

describe('a cache that is too small for the keys', () => {
  it('changes nothing but which intermediate results appear', () => {
    const last = (cacheMaxEntries: number, commits: 'each record' | 'on demand') => {
      const driver = drive(app => app.stream('in', numbers).pipe(groupByKey(), count(), to('out')), { cacheMaxEntries, commits })
      for (let i = 0; i < 500; i++) driver.pipe('in', `k${(i * i) % 37}`, 1)
      driver.commit()
      return new Map(driver.read('out').map(({ key, value }) => [key, value]))
    }
    const all = last(1_000, 'on demand')
    expect(last(3, 'each record')).toEqual(all)
    expect([...all.values()].reduce((sum, value) => sum + value, 0)).toBe(500)
  })
})
