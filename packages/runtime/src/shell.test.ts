import { describe, expect, it } from 'vitest'
import { type Effect, type Machine, type MachineLog, Shell } from './shell.ts'
import { ManualClock } from './testing/manual-clock.ts'

/** A register: `set` appends, answers and arms a timer that clears it. */
type Input = { kind: 'set'; value: number; answered: (value: number) => void } | { kind: 'expire' }

class Register implements Machine<Input, number> {
  value = 0
  step(input: Input, nowMs: number): Effect<Input, number>[] {
    if (input.kind === 'expire') return [{ kind: 'append', records: [0] }]
    return [
      { kind: 'append', records: [input.value] },
      { kind: 'reply', complete: () => input.answered(this.value) },
      { kind: 'timer', name: 'expire', atMs: nowMs + 10, input: { kind: 'expire' } },
    ]
  }
  apply(record: number): void {
    this.value = record
  }
}

class ManualLog implements MachineLog<number> {
  records: number[] = []
  waiting: { position: number; done: (error?: Error) => void }[] = []
  refuse = false
  append(records: readonly number[]): number {
    if (this.refuse) throw new Error('not the leader')
    this.records.push(...records)
    return this.records.length
  }
  whenCommitted(position: number, done: (error?: Error) => void): void {
    this.waiting.push({ position, done })
  }
  commit(error?: Error): void {
    for (const { done } of this.waiting.splice(0)) done(error)
  }
}

function setUp() {
  const machine = new Register()
  const log = new ManualLog()
  const clock = new ManualClock()
  const failures: string[] = []
  const shell = new Shell({ machine, log, clock, failed: error => failures.push(error.message) })
  return { machine, log, clock, failures, shell }
}

describe('a shell', () => {
  it('lets a reply leave only when the append before it is committed', () => {
    const { log, shell } = setUp()
    const answers: number[] = []
    shell.submit({ kind: 'set', value: 7, answered: value => answers.push(value) })
    expect(answers).toEqual([])
    log.commit()
    expect(answers).toEqual([7])
  })

  it('steps the input of a timer, which a newer timer of the same name replaces', () => {
    const { machine, clock, shell } = setUp()
    shell.submit({ kind: 'set', value: 7, answered: () => {} })
    clock.advance(5)
    shell.submit({ kind: 'set', value: 8, answered: () => {} })
    clock.advance(5)
    expect(machine.value).toBe(8)
    clock.advance(5)
    expect(machine.value).toBe(0)
  })

  it('stops and tells its owner when an append is refused', () => {
    const { log, failures, shell, machine } = setUp()
    log.refuse = true
    shell.submit({ kind: 'set', value: 7, answered: () => {} })
    expect(failures).toEqual(['not the leader'])
    log.refuse = false
    shell.submit({ kind: 'set', value: 8, answered: () => {} })
    expect(machine.value).toBe(0)
  })

  it('gives no reply when the append never commits', () => {
    const { log, failures, shell } = setUp()
    const answers: number[] = []
    shell.submit({ kind: 'set', value: 7, answered: value => answers.push(value) })
    log.commit(new Error('leadership lost'))
    expect(answers).toEqual([])
    expect(failures).toEqual(['leadership lost'])
  })

  it('queues what a step submits behind the step', () => {
    const { log, shell, machine } = setUp()
    shell.submit({
      kind: 'set',
      value: 1,
      answered: () => {
        shell.submit({ kind: 'set', value: 2, answered: () => {} })
        expect(machine.value).toBe(2)
      },
    })
    log.commit()
    expect(log.records).toEqual([1, 2])
  })
})
