import { BatchView, ControlType, ErrorCode, transactionMarker } from '@millrace/protocol'
import { describe, expect, test } from 'vitest'
import { ProducerState } from './producer-state.ts'
import { batchOf } from './testing/log-contents.ts'

const dayMs = 86_400_000
const last = 2 ** 31 - 1

function batch(epoch: number, sequence: number, offset: number, count = 2, transactional = false): BatchView {
  const values = Array.from({ length: count }, () => 'v')
  return batchOf(values, 1000, {
    producerId: 5,
    producerEpoch: epoch,
    baseSequence: sequence,
    baseOffset: offset,
    transactional,
  })
}

function stateWith(...batches: BatchView[]): ProducerState {
  const state = new ProducerState(dayMs)
  for (const each of batches) {
    expect(state.check(each)).toBe(-1)
    state.update(each, 0)
  }
  return state
}

const refused = (code: number) => expect.objectContaining({ errorCode: code })

describe('a batch of an idempotent producer', () => {
  test('without a known state may begin with any sequence', () => {
    expect(stateWith(batch(3, 777, 0)).size).toBe(1)
  })
  test('goes on where the last one ended, also around the end of the numbers', () => {
    const state = stateWith(batch(0, last - 1, 0), batch(0, 0, 2), batch(0, 2, 4))
    expect(() => state.check(batch(0, 5, 6))).toThrow(refused(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER))
    expect(() => state.check(batch(0, 3, 6))).toThrow(refused(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER))
  })
  test('that wraps in its middle is followed by what comes after', () => {
    const state = stateWith(batch(0, last, 0, 3))
    expect(state.check(batch(0, 2, 3))).toBe(-1)
    expect(state.check(batch(0, last, 3, 3))).toBe(0)
  })
  test('is a duplicate when it is one of the last five, and out of order when it is older', () => {
    const state = stateWith(...Array.from({ length: 7 }, (_, i) => batch(0, i * 2, 100 + i * 2)))
    for (let i = 2; i < 7; i++) expect(state.check(batch(0, i * 2, 0))).toBe(100 + i * 2)
    expect(() => state.check(batch(0, 2, 0))).toThrow(refused(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER))
    expect(() => state.check(batch(0, 4, 0, 1))).toThrow(refused(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER))
  })
  test('of an older epoch is refused', () => {
    const state = stateWith(batch(4, 0, 0))
    expect(() => state.check(batch(3, 0, 2))).toThrow(refused(ErrorCode.INVALID_PRODUCER_EPOCH))
  })
  test('of a newer epoch begins at sequence 0 and makes the old epoch end', () => {
    const state = stateWith(batch(4, 10, 0))
    expect(() => state.check(batch(5, 12, 2))).toThrow(refused(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER))
    expect(state.check(batch(5, 0, 2))).toBe(-1)
    state.update(batch(5, 0, 2), 0)
    expect(() => state.check(batch(4, 12, 4))).toThrow(refused(ErrorCode.INVALID_PRODUCER_EPOCH))
  })
})

describe('a transaction', () => {
  test('is open from its first batch to its marker, and keeps other batches of the producer out', () => {
    const state = stateWith(batch(1, 0, 40, 2, true), batch(1, 2, 42, 2, true))
    expect(state.firstUnstableOffset).toBe(40)
    expect(() => state.check(batch(1, 4, 44))).toThrow(refused(ErrorCode.INVALID_TXN_STATE))
    const marker = BatchView.at(
      transactionMarker(ControlType.COMMIT, 9, { baseOffset: 44, timestampMs: 2000, producerId: 5, producerEpoch: 1 }),
      0,
    )!
    state.update(marker, 0)
    expect(state.firstUnstableOffset).toBe(-1)
    expect(state.entries()).toEqual([
      expect.objectContaining({ coordinatorEpoch: 9, currentTransactionFirstOffset: -1, lastSequence: 3, lastOffset: 43 }),
    ])
    expect(state.check(batch(1, 4, 45, 2, true))).toBe(-1)
  })
})

describe('producers', () => {
  test('are forgotten when they were idle for the time, not while a transaction is open', () => {
    const state = new ProducerState(dayMs)
    state.update(batch(0, 0, 0), 1000)
    state.expire(1000 + dayMs - 1)
    expect(state.size).toBe(1)
    state.expire(1000 + dayMs)
    expect(state.size).toBe(0)
    state.update(batch(0, 0, 0, 1, true), 1000)
    state.expire(10 * dayMs)
    expect(state.size).toBe(1)
  })
  test('whose records carry times of long ago live by the clock', () => {
    const state = new ProducerState(dayMs)
    state.update(batch(0, 0, 0), 50 * 365 * dayMs)
    state.expire(50 * 365 * dayMs + 600_000)
    expect(state.size).toBe(1)
  })
  test('come back from a snapshot with their last batch', () => {
    const state = stateWith(batch(2, 0, 10), batch(2, 2, 12), batch(2, 4, 14, 2, true))
    const again = new ProducerState(dayMs)
    again.load(state.entries(), 0)
    expect(again.entries()).toEqual(state.entries())
    expect(again.firstUnstableOffset).toBe(14)
    expect(again.check(batch(2, 4, 0))).toBe(14)
    expect(() => again.check(batch(2, 2, 0))).toThrow(refused(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER))
    expect(again.check(batch(2, 6, 0, 2, true))).toBe(-1)
  })
})
