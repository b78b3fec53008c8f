import { describe, expect, it } from 'vitest'
import { to, toTable } from '../index.ts'
import { drive, texts, written } from '../testing.ts'

describe('a table', () => {
  it.each(['source', 'stream'])('of a %s has the last value by offset, whatever its time, and forgets on null', kind => {
    const driver = drive(app => {
      const table =
        kind === 'source' ? app.table('in', { ...texts, name: 'rows' }) : app.stream('in', texts).pipe(toTable({ name: 'rows' }))
      ;(table as any).pipe(to('out'))
    })
    driver.pipe('in', 'a', 'new', { timestamp: 10 })
    driver.pipe('in', 'a', 'old', { timestamp: 5 })
    driver.pipe('in', 'b', 'x', { timestamp: 6 })
    driver.pipe('in', 'b', 'x', { timestamp: 7 })
    driver.pipe('in', 'a', null, { timestamp: 8 })
    driver.pipe('in', 'never', null, { timestamp: 9 })
    driver.pipe('in', null, 'x', { timestamp: 9 })
    expect(written(driver.read('out'))).toEqual(['a=new@10', 'a=old@5', 'b=x@6', 'b=x@7', 'a=null@8'])
    expect([...driver.store('rows').all()]).toEqual([{ key: 'b', value: 'x', timestamp: 7 }])
    expect(driver.metrics().dropped).toBe(1)
  })

  it('of a topic writes no changelog: the topic is one', () => {
    const driver = drive(app => void app.table('in', texts))
    driver.pipe('in', 'a', 'x')
    expect(driver.log('in')).toHaveLength(1)
    expect(driver.log('app-in-changelog')).toEqual([])
  })

  it('is read in the order of key bytes, dirty entries included', () => {
    const driver = drive(app => void app.table('in', texts), { commits: 'on demand' })
    for (const key of ['b', 'é', 'a', 'Z']) driver.pipe('in', key, key)
    driver.commit()
    driver.pipe('in', 'c', 'c')
    driver.pipe('in', 'a', null)
    driver.pipe('in', 'b', 'b2')
    const store = driver.store('in')
    expect([...store.all()].map(({ key, value }) => `${key}=${value}`)).toEqual(['Z=Z', 'b=b2', 'c=c', 'é=é'])
    expect([...store.range('b', 'c')].map(({ key }) => key)).toEqual(['b', 'c'])
    expect([...store.range(null, 'b')].map(({ key }) => key)).toEqual(['Z', 'b'])
  })
})
