import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { ProgressBar } from './progress-bar.ts'

class Screen extends Writable {
  readonly isTTY: boolean
  readonly columns: number | undefined
  text = ''

  constructor(columns?: number) {
    super()
    this.isTTY = columns !== undefined
    this.columns = columns
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}

function bar(total: number, screen: Screen, clock = { ms: 0 }): ProgressBar {
  return new ProgressBar('Flights', total, { stream: screen as unknown as NodeJS.WriteStream, now: () => clock.ms })
}

describe('progress without a terminal', () => {
  it('is a line every ten percent, whatever the steps', () => {
    const screen = new Screen()
    const progress = bar(1000, screen)
    for (let count = 1; count <= 1000; count++) progress.update(count)
    progress.end()
    const lines = screen.text.trimEnd().split('\n')
    expect(lines).toHaveLength(10)
    expect(lines[0]).toContain('100 of 1,000')
    expect(lines[9]).toContain('1,000 of 1,000')
    expect(screen.text).not.toContain('\r')
  })

  it('tells the rate and the time that is left', () => {
    const screen = new Screen()
    const clock = { ms: 0 }
    const progress = bar(3_000_000, screen, clock)
    clock.ms = 10_000
    progress.update(1_000_000, ', more')
    expect(screen.text).toMatch(/^Flights ████████░{16} 1,000,000 of 3,000,000, 100,000\/s, 20 s left, more\n$/)
  })
})

describe('progress on a terminal', () => {
  it('writes one line over, at most ten times a second and at the end', () => {
    const screen = new Screen(200)
    const clock = { ms: 1 }
    const progress = bar(100, screen, clock)
    for (let count = 1; count <= 100; count++) {
      clock.ms += 10
      progress.update(count)
    }
    progress.end()
    const drawn = screen.text.split('\r\u001b[2K').slice(1)
    expect(drawn.length).toBeGreaterThanOrEqual(10)
    expect(drawn.length).toBeLessThanOrEqual(12)
    expect(drawn.at(-1)).toMatch(/100 of 100.*\n$/)
    expect(screen.text.match(/\n/g)).toHaveLength(1)
  })

  it('stays within the width: a line that wraps could not be written over', () => {
    const screen = new Screen(40)
    bar(100, screen, { ms: 0 }).update(100, ', and a good deal more')
    expect(screen.text.replace('\r\u001b[2K', '').length).toBeLessThan(40)
  })
})
