import { describe, expect, test } from 'vitest'
import { LeaderEpochs } from './leader-epochs.ts'
import { emptyImage, RecordingDisk } from './testing/recording-disk.ts'

const path = '/data/leader-epoch-checkpoint'

function epochsOf(...starts: [number, number][]): LeaderEpochs {
  const epochs = new LeaderEpochs(new RecordingDisk(emptyImage()), '/data')
  for (const [epoch, startOffset] of starts) epochs.assign(epoch, startOffset)
  return epochs
}

describe('leader epochs', () => {
  test('say which epoch an offset belongs to', () => {
    const epochs = epochsOf([2, 10], [5, 20])
    expect([9, 10, 19, 20, 99].map(offset => epochs.epochAt(offset))).toEqual([-1, 2, 2, 5, 5])
  })

  test('say where an epoch ends, as Kafka answers OffsetForLeaderEpoch', () => {
    const epochs = epochsOf([2, 10], [5, 20], [7, 30])
    expect(epochs.endOf(7, 44)).toEqual({ epoch: 7, endOffset: 44 })
    expect(epochs.endOf(5, 44)).toEqual({ epoch: 5, endOffset: 30 })
    expect(epochs.endOf(6, 44)).toEqual({ epoch: 5, endOffset: 30 })
    expect(epochs.endOf(1, 44)).toEqual({ epoch: 1, endOffset: 10 })
    expect(epochs.endOf(8, 44)).toEqual({ epoch: -1, endOffset: -1 })
    expect(epochs.endOf(-1, 44)).toEqual({ epoch: -1, endOffset: -1 })
    expect(epochsOf().endOf(0, 44)).toEqual({ epoch: -1, endOffset: -1 })
  })

  test('forget an epoch that wrote nothing when a record of an older one follows, and only that', () => {
    const epochs = epochsOf([0, 0], [1, 22])
    epochs.saw(0, 22)
    expect([epochs.last, epochs.epochAt(23)]).toEqual([0, 0])
    const recovered = epochsOf([0, 0], [1, 22], [3, 30])
    for (const [epoch, offset] of [
      [0, 10],
      [1, 22],
      [1, 25],
      [3, 30],
      [4, 40],
    ] as const)
      recovered.saw(epoch, offset)
    expect([recovered.count, recovered.epochAt(21), recovered.epochAt(29), recovered.epochAt(39), recovered.last]).toEqual([
      4, 0, 1, 3, 4,
    ])
  })

  test('replace an epoch without a batch, and those that a new one contradicts', () => {
    const replaced = epochsOf([2, 10], [5, 20], [6, 20])
    expect(replaced.endOf(5, 30)).toEqual({ epoch: 2, endOffset: 20 })
    const contradicted = epochsOf([2, 10], [5, 20], [9, 30], [6, 25])
    expect([contradicted.last, contradicted.epochAt(35), contradicted.epochAt(24)]).toEqual([6, 6, 5])
  })

  test('follow the log when it is cut at either end', () => {
    const epochs = epochsOf([2, 10], [5, 20], [7, 30])
    epochs.truncateFromEnd(30)
    expect(epochs.last).toBe(5)
    epochs.truncateFromStart(25)
    expect([epochs.count, epochs.epochAt(24), epochs.epochAt(25)]).toEqual([1, -1, 5])
  })

  test('are written as Kafka writes them and read back', () => {
    const disk = new RecordingDisk(emptyImage())
    const epochs = new LeaderEpochs(disk, '/data')
    epochs.assign(0, 0)
    epochs.assign(3, 1200)
    epochs.save()
    expect(disk.readFile(path).toString()).toBe('0\n2\n0 0\n3 1200\n')
    const { length } = disk.operations
    epochs.save()
    expect(disk.operations).toHaveLength(length)
    expect(new LeaderEpochs(disk, '/data').endOf(0, 9999)).toEqual({ epoch: 0, endOffset: 1200 })
  })

  test.each(['', '1\n0\n', '0\n2\n0 0\n', '0\n1\n0 x\n'])('in a damaged file %o count as missing', text => {
    const disk = new RecordingDisk(emptyImage())
    disk.open(path, 'write').write([Buffer.from(text)], 0)
    expect(new LeaderEpochs(disk, '/data').count).toBe(0)
  })
})
