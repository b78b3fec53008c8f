import { silentLogger } from '@millrace/runtime'
import { describe, expect, it } from 'vitest'
import { type Serde, Streams, string, to, toTable } from '../index.ts'
import { CacheBudget } from '../store/cache.ts'
import { MemoryEnvironment } from '../store/memory.ts'
import { StoreNotReadyError } from '../store/not-ready.ts'
import { texts } from '../testing.ts'
import { errorHandlers } from './error-handlers.ts'
import { MemoryBatch } from './memory-batch.ts'
import type { Outlet } from './outlet.ts'
import { Task } from './task.ts'

/** A task over topics `a` and `b`, whose records come out as `topic/value`. */
function task(
  options: {
    maxTaskIdleMs?: number
    ends?: Record<string, number>
    build?: (app: Streams) => void
    environment?: MemoryEnvironment
    outlet?: Partial<Outlet>
  } = {},
) {
  const app = new Streams({ applicationId: 'app' })
  if (options.build) options.build(app)
  else app.stream(['a', 'b'], texts).pipe(to('out'))
  const { topology } = app.build()
  const [subtopology] = topology.subtopologies
  const out: string[] = []
  let nowMs = 0
  const made = new Task({
    subtopology: subtopology!,
    partition: 0,
    environment: options.environment ?? new MemoryEnvironment(),
    outlet: {
      isFull: false,
      partitionOf: () => 0,
      send: (_topic, _partition, _key, value) => void out.push(JSON.parse(Buffer.from(value!).toString())),
      ...options.outlet,
    },
    clock: { now: () => nowMs, monotonic: () => nowMs, timer: () => ({ cancel() {} }), defer: run => run() },
    budget: new CacheBudget(100),
    handlers: errorHandlers({ deserialization: 'fail', processing: 'fail', production: 'fail' }, silentLogger),
    start: {
      inputs: Object.fromEntries(subtopology!.sources.map(({ topic }) => [topic, { offset: 0, timeMs: -1 }])),
      changelogs: {},
      times: {},
    },
    endOffsets: new Map(Object.entries(options.ends ?? {})),
    maxTaskIdleMs: options.maxTaskIdleMs ?? 0,
    maxInFlightRecords: 10,
  })
  const add = (topic: string, from: number, ...times: number[]) =>
    made.add(
      new MemoryBatch(
        topic,
        0,
        from,
        times.map(timestamp => ({ key: Buffer.from('k'), value: Buffer.from(`"${topic}${timestamp}"`), timestamp, headers: [] })),
      ),
    )
  return { made, out, add, advance: (ms: number) => (nowMs += ms) }
}

describe('the next record of a task', () => {
  it('is the oldest of the heads of its inputs; an older one behind a newer head waits', () => {
    const { made, out, add } = task()
    add('a', 0, 10, 5, 30)
    add('b', 0, 7, 20)
    made.process(100)
    expect(out).toEqual(['b7', 'a10', 'a5', 'b20', 'a30'])
  })

  it('waits for an input that has records on the broker', () => {
    const { made, out, add } = task({ ends: { b: 1 } })
    add('a', 0, 10)
    expect(made.process(100)).toBe(0)
    add('b', 0, 5)
    expect(made.process(100)).toBe(2)
    expect(out).toEqual(['b5', 'a10'])
  })

  it('does not wait for one that is read to its end', () => {
    const { made, add } = task()
    add('a', 0, 10)
    expect(made.process(100)).toBe(1)
  })

  it('with a maxTaskIdleMs of -1 never waits', () => {
    const { made, add } = task({ maxTaskIdleMs: -1, ends: { b: 1 } })
    add('a', 0, 10)
    expect(made.process(100)).toBe(1)
  })

  it('with one above 0 waits so long for what is not yet produced', () => {
    const { made, add, advance } = task({ maxTaskIdleMs: 50 })
    add('a', 0, 10)
    expect(made.process(100)).toBe(0)
    advance(49)
    expect(made.process(100)).toBe(0)
    advance(1)
    expect(made.process(100)).toBe(1)
  })

  it('waits while the outlet has no room', () => {
    const room = { isFull: true }
    const { made, add } = task({ outlet: room })
    add('a', 0, 10)
    expect(made.process(100)).toBe(0)
    ;(made.outlet as { isFull: boolean }).isFull = false
    expect(made.process(100)).toBe(1)
  })

  it('comes in turns of as many as are asked for', () => {
    const { made, add } = task()
    add('a', 0, 1, 2, 3, 4, 5)
    expect(made.process(2)).toBe(2)
    expect(made.checkpoint(new Map()).inputs['a']).toEqual({ offset: 2, timeMs: 2 })
    expect(made.process(100, 4)).toBe(2)
    expect(made.nextTimestamp).toBe(5)
  })
})

describe('a stored value that its serde can’t read at once', () => {
  it('sends the task back to its last commit, with what to wait for', async () => {
    let isKnown = false
    const value: Serde<string> = {
      serialize: (_topic, text) => Buffer.from(JSON.stringify(text)),
      deserialize: (topic, bytes) => {
        const text = JSON.parse(Buffer.from(bytes).toString())
        if (isKnown || !topic.endsWith('changelog')) return text
        return Promise.resolve().then(() => {
          isKnown = true
          return text
        })
      },
    }
    const environment = new MemoryEnvironment()
    await environment.commit(
      [
        {
          store: 'rows',
          removeBelow: null,
          keys: [Buffer.from('k')],
          values: [Buffer.concat([Buffer.alloc(8), Buffer.from('"old"')])],
        },
      ],
      { inputs: {}, changelogs: {}, times: {} },
    )
    const { made } = task({
      environment,
      build: app => void app.stream('a', { key: string(), value }).pipe(toTable({ name: 'rows' })),
    })
    const store = made.store('rows') as never as { get(key: string): string }
    let thrown: unknown
    try {
      store.get('k')
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(StoreNotReadyError)
    await (thrown as StoreNotReadyError).ready
    expect(store.get('k')).toBe('old')
  })
})
