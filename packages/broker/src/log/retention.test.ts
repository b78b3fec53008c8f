import { expect, test } from 'vitest'
import { defaultLogConfig } from './log-config.ts'
import { type RetentionInput, retention } from './retention.ts'

/** Three segments of ten records and 100 bytes; the last is the active one. */
const base: RetentionInput = {
  segments: [
    { baseOffset: 0, sizeBytes: 100, largestTimestamp: 1000 },
    { baseOffset: 10, sizeBytes: 100, largestTimestamp: 2000 },
    { baseOffset: 20, sizeBytes: 100, largestTimestamp: 3000 },
  ],
  logStartOffset: 0,
  logEndOffset: 30,
  highWatermark: 30,
  config: { ...defaultLogConfig, retentionMs: -1, retentionBytes: -1 },
  nowMs: 10_000,
}
const having = (config: Partial<typeof base.config>, more: Partial<RetentionInput> = {}) =>
  retention({ ...base, ...more, config: { ...base.config, ...config } })

test.each([
  ['no limit', {}, {}, null],
  ['a size that fits', { retentionBytes: 300 }, {}, null],
  ['less than a segment too much', { retentionBytes: 201 }, {}, null],
  ['one segment too much', { retentionBytes: 200 }, {}, { count: 1, reason: 'size' }],
  ['a size of nothing', { retentionBytes: 0 }, {}, { count: 3, reason: 'size' }],
  ['an age that one segment has passed', { retentionMs: 8500 }, {}, { count: 1, reason: 'time' }],
  ['an age that all have passed', { retentionMs: 1 }, {}, { count: 3, reason: 'time' }],
  ['an age reached and not passed', { retentionMs: 9000 }, {}, null],
  ['a low high watermark', { retentionMs: 1 }, { highWatermark: 19 }, { count: 1, reason: 'time' }],
  ['no high watermark', { retentionMs: 1 }, { highWatermark: 0 }, null],
  ['a log start inside a segment', { retentionMs: 1, deletes: false }, { logStartOffset: 25 }, { count: 2, reason: 'log-start' }],
  ['no policy to delete', { retentionMs: 1, retentionBytes: 0, deletes: false }, {}, null],
] as const)('with %s', (_, config, more, expected) => {
  expect(having(config, more)).toEqual(expected)
})

test('an empty active segment stays', () => {
  const segments = [...base.segments.slice(0, 2), { baseOffset: 20, sizeBytes: 0, largestTimestamp: 0 }]
  expect(having({ retentionMs: 1 }, { segments, logEndOffset: 20, highWatermark: 20 })).toEqual({ count: 2, reason: 'time' })
})

test('a segment with a time in the future keeps itself and all behind it', () => {
  const segments = base.segments.map((segment, i) => (i === 1 ? { ...segment, largestTimestamp: 99_999 } : segment))
  expect(having({ retentionMs: 1 }, { segments })).toEqual({ count: 1, reason: 'time' })
})
