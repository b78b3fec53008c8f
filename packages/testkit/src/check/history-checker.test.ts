import { describe, expect, it } from 'vitest'
import { History } from './history.ts'
import { type CheckOptions, checkHistory } from './history-checker.ts'

/** A history with one partition `p`: a producer `w`, a reader `r`. */
function history(write: (history: History) => void, options: CheckOptions = {}): string[] {
  const recorded = new History()
  write(recorded)
  return checkHistory(recorded.operations, options).map(({ kind }) => kind)
}

const sent = (history: History, value: number, offset?: number, process = 'w') => {
  const operation = history.send(process, 'p', value)
  if (offset === undefined) return operation
  operation.outcome = 'ok'
  operation.offset = offset
  return operation
}
const read = (history: History, ...records: [offset: number, value: number][]) =>
  history.poll(
    'r',
    records.map(([offset, value]) => ({ key: 'p', offset, value })),
  )

const at = (offset: number, value: number) => ({ key: 'p', offset, value })
const member = (memberId: string, generation: number) => ({ group: 'g', generation, memberId })
const seen = (history: History, offset: number) => history.committed('g', 'p', offset, history.mark())
/** A commit with its answer, before anything else happens. */
const committed = (history: History, offset: number) => history.settle(history.commit('g', 'p', offset))

describe('a history with one anomaly shows it:', () => {
  it.each<[string, (history: History) => void]>([
    [
      'inconsistent-offset',
      h => {
        sent(h, 1)
        sent(h, 2)
        h.poll('r', [{ key: 'p', offset: 0, value: 1 }])
        h.poll('q', [{ key: 'p', offset: 0, value: 2 }])
      },
    ],
    [
      'nonmonotonic-poll',
      h => {
        sent(h, 1, 0)
        sent(h, 2, 1)
        read(h, [1, 2], [0, 1])
      },
    ],
    [
      'poll-skip',
      h => {
        sent(h, 1, 0)
        sent(h, 2, 1)
        sent(h, 3, 2)
        read(h, [0, 1], [1, 2], [2, 3])
        h.poll('q', [at(0, 1), at(2, 3)])
      },
    ],
    [
      'two-owners',
      h => {
        h.assign('a', ['p'], member('A', 3))
        h.assign('b', ['p'], member('B', 3))
      },
    ],
    [
      'generation-back',
      h => {
        h.assign('a', ['p'], member('A', 3))
        h.assign('a', ['q'], member('A', 2))
      },
    ],
    [
      'duplicate',
      h => {
        sent(h, 1, 0)
        read(h, [0, 1], [1, 1])
      },
    ],
    [
      'lost-write',
      h => {
        sent(h, 1, 0, 'a')
        sent(h, 2, 1, 'b')
        read(h, [1, 2])
      },
    ],
    [
      'unseen',
      h => {
        sent(h, 1, 0)
        sent(h, 2, 1)
        read(h, [0, 1])
      },
    ],
    [
      'failed-write-read',
      h => {
        sent(h, 1).outcome = 'fail'
        read(h, [0, 1])
      },
    ],
    ['phantom', h => read(h, [0, 9])],
    [
      'reordered',
      h => {
        sent(h, 1)
        sent(h, 2)
        read(h, [0, 2], [1, 1])
      },
    ],
    [
      'nonmonotonic-poll',
      h => {
        sent(h, 1, 0)
        sent(h, 2, 1)
        read(h, [0, 1], [1, 2])
        read(h, [0, 1])
      },
    ],
    [
      'poll-skip',
      h => {
        sent(h, 1, 0)
        sent(h, 2, 1)
        sent(h, 3, 2)
        read(h, [0, 1], [2, 3])
        h.poll('q', [{ key: 'p', offset: 1, value: 2 }])
      },
    ],
    [
      'commit-lost',
      h => {
        committed(h, 3)
        committed(h, 5)
        h.committed('g', 'p', 3, h.mark())
      },
    ],
    [
      'commit-lost',
      h => {
        committed(h, 5)
        h.committed('g', 'p', null, h.mark())
      },
    ],
    [
      'group-skip',
      h => {
        sent(h, 1, 0)
        sent(h, 2, 1)
        read(h, [0, 1], [1, 2])
        h.poll('m', [{ key: 'p', offset: 1, value: 2 }], 'g')
        committed(h, 2)
      },
    ],
  ])('%s', (kind, write) => {
    expect(history(write)).toEqual([kind])
  })

  it.each<[string, (history: History) => void]>([
    [
      'inconsistent-offset',
      h => {
        sent(h, 1, 0, 'a')
        sent(h, 2, 0, 'b')
      },
    ],
    [
      'nonmonotonic-send',
      h => {
        sent(h, 1, 5)
        sent(h, 2, 4)
      },
    ],
  ])('%s, though nobody has read it', (kind, write) => {
    expect(history(write, { readToTheEnd: false })).toEqual([kind])
  })

  it('wrong-offset', () => {
    expect(
      history(h => {
        sent(h, 1, 1, 'a')
        sent(h, 2, 0, 'b')
        read(h, [0, 1], [1, 2])
      }),
    ).toEqual(['wrong-offset', 'wrong-offset'])
  })
})

describe('what looks bad but is allowed:', () => {
  it.each<[string, (history: History) => void, CheckOptions?]>([
    [
      'a value of unknown outcome that is there',
      h => {
        sent(h, 1)
        read(h, [0, 1])
      },
    ],
    [
      'a value of unknown outcome that is not there',
      h => {
        sent(h, 1)
        sent(h, 2, 0)
        read(h, [0, 2])
      },
    ],
    [
      'gaps between offsets',
      h => {
        sent(h, 1, 0)
        sent(h, 2, 7)
        read(h, [0, 1], [7, 2])
      },
    ],
    [
      'reading again after an assignment',
      h => {
        sent(h, 1, 0)
        sent(h, 2, 1)
        read(h, [0, 1], [1, 2])
        h.assign('r', ['p'])
        read(h, [0, 1])
      },
    ],
    [
      'another owner in the next generation',
      h => {
        h.assign('a', ['p'], member('A', 3))
        h.assign('b', ['p'], member('B', 4))
      },
    ],
    [
      'the same assignment twice',
      h => {
        h.assign('a', ['p'], member('A', 3))
        h.assign('a', ['p'], member('A', 3))
      },
    ],
    [
      'a generation that came late',
      h => {
        h.assign('b', ['p'], member('B', 4))
        h.assign('a', ['p'], member('A', 3))
      },
    ],
    [
      'offsets of a failed send between those of others',
      h => {
        sent(h, 1, 0)
        sent(h, 2)
        sent(h, 3, 5)
        read(h, [0, 1], [5, 3])
      },
    ],
    [
      'two producers in any order',
      h => {
        sent(h, 1, 1, 'a')
        sent(h, 2, 0, 'b')
        read(h, [0, 2], [1, 1])
      },
    ],
    [
      'a value twice without idempotence',
      h => {
        sent(h, 1, 0)
        read(h, [0, 1], [1, 1])
      },
      { idempotent: false },
    ],
    [
      'a committed offset of a commit without an answer',
      h => {
        committed(h, 5)
        h.commit('g', 'p', 6)
        seen(h, 6)
        seen(h, 5)
      },
    ],
    [
      'the older of two commits that overlap',
      h => {
        const slow = h.commit('g', 'p', 5)
        committed(h, 6)
        h.settle(slow)
        seen(h, 5)
      },
    ],
    [
      'what was read back before the next commit was acknowledged',
      h => {
        committed(h, 5)
        const mark = h.mark()
        committed(h, 6)
        h.committed('g', 'p', 5, mark)
      },
    ],
    [
      'what one member has read and another one committed',
      h => {
        sent(h, 1, 0)
        read(h, [0, 1])
        h.poll('m', [{ key: 'p', offset: 0, value: 1 }], 'g')
        committed(h, 1)
      },
    ],
    [
      'records that retention has deleted',
      h => {
        sent(h, 1, 0)
        sent(h, 2, 1)
        sent(h, 3, 2)
        read(h, [0, 1], [2, 3])
      },
      { expiring: new Set(['p']) },
    ],
  ])('%s', (_, write, options) => {
    expect(history(write, options)).toEqual([])
  })
})

it('a hundred thousand operations are judged without delay, and the one lost write among them is found', () => {
  const recorded = new History()
  for (let i = 0; i < 100_000; i++) {
    sent(recorded, i, i)
    if (i !== 500) recorded.poll('r', [{ key: 'p', offset: i, value: i }])
  }
  expect(checkHistory(recorded.operations).map(({ kind }) => kind)).toEqual(['lost-write'])
})
