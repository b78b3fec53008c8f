import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FrameSplitter } from './framing.ts'
import { ProtocolError } from './protocol-error.ts'

function framed(body: Buffer): Buffer {
  const prefix = Buffer.alloc(4)
  prefix.writeInt32BE(body.length)
  return Buffer.concat([prefix, body])
}

describe('FrameSplitter', () => {
  it('finds the same frames however the stream is cut', () => {
    const bodies = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 })
    const cuts = fc.array(fc.nat(12), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(bodies, cuts, (frames, sizes) => {
        const stream = Buffer.concat(frames.map(body => framed(Buffer.from(body))))
        const splitter = new FrameSplitter(100)
        const found: Buffer[] = []
        for (let at = 0, i = 0; at < stream.length; i++) {
          const next = Math.min(stream.length, at + sizes[i % sizes.length]! + (i >= sizes.length ? 1 : 0))
          found.push(...splitter.push(stream.subarray(at, next)))
          at = next
        }
        expect(found.map(frame => [...frame])).toEqual(frames.map(body => [...body]))
        expect(splitter.pendingBytes).toBe(0)
      }),
    )
  })

  it('gives a view, not a copy, of a frame that came in one chunk', () => {
    const chunk = Buffer.concat([framed(Buffer.from('one')), framed(Buffer.from('two')), Buffer.from([0, 0])])
    const frames = new FrameSplitter(100).push(chunk)
    expect(frames.map(String)).toEqual(['one', 'two'])
    for (const frame of frames) expect(frame.buffer).toBe(chunk.buffer)
  })

  it('refuses a size above the limit as soon as it is known, and one below zero', () => {
    expect(new FrameSplitter(100).push(framed(Buffer.alloc(100)))).toHaveLength(1)
    expect(() => new FrameSplitter(100).push(Buffer.from([0, 0, 0, 101]))).toThrow(ProtocolError)
    expect(() => new FrameSplitter(100).push(Buffer.from([0xff, 0xff, 0xff, 0xff]))).toThrow(ProtocolError)
    const drip = new FrameSplitter(100)
    expect(drip.push(Buffer.from([0x7f]))).toEqual([])
    expect(drip.push(Buffer.from([0xff, 0xff]))).toEqual([])
    expect(() => drip.push(Buffer.from([0xff]))).toThrow(ProtocolError)
  })

  it('holds no more than what has arrived of a frame that promises much', () => {
    const splitter = new FrameSplitter(100 * 1024 * 1024)
    const before = process.memoryUsage().arrayBuffers
    expect(splitter.push(Buffer.from([0x06, 0, 0, 0, 1, 2, 3]))).toEqual([])
    expect(splitter.pendingBytes).toBe(7)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024)
  })

  it('holds few times what has arrived when it comes byte by byte', () => {
    const splitter = new FrameSplitter(100 * 1024 * 1024)
    splitter.push(Buffer.from([0x06, 0, 0, 0]))
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < 300_000; i++) splitter.push(Buffer.from([i]))
    expect(splitter.pendingBytes).toBe(300_004)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024)
  })

  it('hands out an empty frame for a size of zero', () => {
    expect(new FrameSplitter(10).push(Buffer.alloc(4)).map(frame => frame.length)).toEqual([0])
  })
})
