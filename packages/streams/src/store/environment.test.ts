import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeWorld } from '@millrace/runtime'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import type { Checkpoint } from '../task/checkpoint.ts'
import type { StateDirectory, StoreEnvironment, StoreWrites } from './environment.ts'
import { LmdbStateDirectory, maxLmdbKeyBytes } from './lmdb.ts'
import { MemoryStateDirectory } from './memory.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-stores-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let applications = 0
const directories: Record<string, () => StateDirectory> = {
  memory: () => new MemoryStateDirectory(),
  LMDB: () => new LmdbStateDirectory(nodeWorld().disk, root, `app-${applications++}`),
}

const bytes = (text: string) => Buffer.from(text, 'latin1')
const put = (store: string, entries: Record<string, string | null>, removeBelow: string | null = null): StoreWrites => ({
  store,
  removeBelow: removeBelow === null ? null : bytes(removeBelow),
  keys: Object.keys(entries).map(bytes),
  values: Object.values(entries).map(value => (value === null ? null : bytes(value))),
})
const at = (offset: number): Checkpoint => ({
  inputs: { in: { offset, timeMs: -1 } },
  changelogs: { s: offset, t: offset },
  times: {},
})
const content = (environment: StoreEnvironment, store: string, from: string | null = null, to: string | null = null) =>
  [...environment.store(store).range(from === null ? null : bytes(from), to === null ? null : bytes(to))].map(
    ({ key, value }) => `${Buffer.from(key).toString('latin1')}=${Buffer.from(value).toString('latin1')}`,
  )

describe.each(Object.keys(directories))('the state of a task in %s', kind => {
  const opened = () => directories[kind]!().open('0_0')

  it('is empty at first', () => {
    const environment = opened()
    expect(environment.checkpoint).toBeNull()
    expect(content(environment, 's')).toEqual([])
    expect(environment.store('s').get(bytes('a'))).toBeUndefined()
    expect(environment.store('s').count()).toBe(0)
  })

  it('changes by commits over several stores, with the checkpoint', async () => {
    const environment = opened()
    await environment.commit([put('s', { b: '2', a: '1' }), put('t', { a: 'x' })], at(1))
    await environment.commit([put('s', { a: null, c: '3', b: '22' })], at(2))
    expect(content(environment, 's')).toEqual(['b=22', 'c=3'])
    expect(content(environment, 't')).toEqual(['a=x'])
    expect(environment.checkpoint).toEqual(at(2))
    expect(environment.store('s').count()).toBe(2)
    expect(Buffer.from(environment.store('s').get(bytes('b'))!).toString()).toBe('22')
  })

  it('is read in the order of unsigned bytes, from and to as asked', async () => {
    const environment = opened()
    await environment.commit([put('s', { '\x7f': '3', '\xff': '5', a: '1', aa: '2', '\x80': '4', '\x00': '0' })], at(1))
    expect(content(environment, 's')).toEqual(['\x00=0', 'a=1', 'aa=2', '\x7f=3', '\x80=4', '\xff=5'])
    expect(content(environment, 's', 'a', '\x80')).toEqual(['a=1', 'aa=2', '\x7f=3'])
    expect(content(environment, 's', 'b')).toEqual(['\x7f=3', '\x80=4', '\xff=5'])
    expect(content(environment, 's', null, 'aa')).toEqual(['\x00=0', 'a=1'])
  })

  it('loses what is below a key before the writes of the same commit', async () => {
    const environment = opened()
    await environment.commit([put('s', { a: '1', b: '2', c: '3' })], at(1))
    await environment.commit([put('s', { a: 'new' }, 'c')], at(2))
    expect(content(environment, 's')).toEqual(['a=new', 'c=3'])
  })

  it('gives bytes that stay as they are', async () => {
    const environment = opened()
    await environment.commit([put('s', { a: '1', b: '2' })], at(1))
    const first = environment.store('s').get(bytes('a'))!
    environment.store('s').get(bytes('b'))
    await environment.commit([put('s', { a: '9' })], at(2))
    expect(Buffer.from(first).toString()).toBe('1')
  })

  it('can be emptied store by store', async () => {
    const environment = opened()
    await environment.commit([put('s', { a: '1' }), put('t', { a: '1' })], at(1))
    await environment.clear('s')
    expect(content(environment, 's')).toEqual([])
    expect(content(environment, 't')).toEqual(['a=1'])
    expect(environment.checkpoint?.changelogs).toEqual({ t: 1 })
  })

  it('equals a map under random commits', async () => {
    const key = fc.string({ unit: fc.constantFrom('a', 'b', '\x00', '\xff'), minLength: 1, maxLength: 3 })
    const commit = fc.record({
      entries: fc.array(fc.tuple(key, fc.option(fc.string({ maxLength: 3 }))), { maxLength: 8 }),
      removeBelow: fc.option(key, { freq: 4 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(commit, { maxLength: 6 }), async commits => {
        const environment = opened()
        let model = new Map<string, string>()
        for (const { entries, removeBelow } of commits) {
          await environment.commit([put('s', Object.fromEntries(entries), removeBelow)], at(0))
          if (removeBelow !== null) model = new Map([...model].filter(([name]) => name >= removeBelow))
          for (const [name, value] of Object.entries(Object.fromEntries(entries)))
            value === null ? model.delete(name) : model.set(name, Buffer.from(value, 'latin1').toString('latin1'))
          expect(content(environment, 's')).toEqual(
            [...model].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `${name}=${value}`),
          )
        }
        await environment.close()
      }),
      { numRuns: kind === 'LMDB' ? 15 : 200 },
    )
  })
})

describe('state in LMDB', () => {
  it('is there when it is opened again', async () => {
    const disk = nodeWorld().disk
    const before = new LmdbStateDirectory(disk, root, 'again')
    const environment = before.open('0_1')
    await environment.commit([put('s', { a: '1' })], at(7))
    await environment.close()
    before.close()
    const after = new LmdbStateDirectory(disk, root, 'again')
    expect(after.taskIds()).toEqual(['0_1'])
    const again = after.open('0_1')
    expect(again.checkpoint).toEqual(at(7))
    expect(content(again, 's')).toEqual(['a=1'])
    await again.close()
    after.close()
  })

  it('refuses a key that LMDB can’t take, and leaves everything as it was', async () => {
    const environment = directories['LMDB']!().open('0_0')
    await environment.commit([put('s', { a: '1' })], at(1))
    await expect(async () =>
      environment.commit([put('s', { b: '2', ['x'.repeat(maxLmdbKeyBytes + 1)]: '3' })], at(2)),
    ).rejects.toThrow(/1979 bytes.*shorter keys/)
    expect(content(environment, 's')).toEqual(['a=1'])
    expect(environment.checkpoint).toEqual(at(1))
  })

  it('belongs to one instance at a time', () => {
    const disk = nodeWorld().disk
    const first = new LmdbStateDirectory(disk, root, 'locked')
    expect(() => new LmdbStateDirectory(disk, root, 'locked')).toThrow(/Another instance uses.*stateDirectory of its own/)
    first.close()
    new LmdbStateDirectory(disk, root, 'locked').close()
  })

  it('says what is wrong with a folder that it can’t use', () => {
    writeFileSync(join(root, 'file'), '')
    expect(() => new LmdbStateDirectory(nodeWorld().disk, join(root, 'file'), 'app')).toThrow(/ENOTDIR|EEXIST/)
  })
})
