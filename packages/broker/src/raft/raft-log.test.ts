import { BatchBuilder } from '@millrace/protocol'
import { type MillraceError, silentLogger, type World } from '@millrace/runtime'
import { SimulatedUniverse } from '@millrace/testkit'
import { beforeEach, describe, expect, test } from 'vitest'
import { checkpointBatches } from './checkpoint-batches.ts'
import { controlBatch } from './control-records.ts'
import { RaftLog } from './raft-log.ts'
import { SnapshotDownload } from './snapshot-download.ts'
import { snapshotName, writeCheckpointNow } from './snapshots.ts'
import { metadataLogIn } from './testing/metadata-log.ts'
import { VoterSet, votersRecord } from './voter-set.ts'

const directory = '/data/__cluster_metadata-0'
let universe: SimulatedUniverse
let world: World
let voters: VoterSet

beforeEach(() => {
  universe = new SimulatedUniverse(1)
  world = universe.machine('node').boot()
  voters = new VoterSet([], 'CONTROLLER')
})

function open(): RaftLog {
  return new RaftLog({ world, logger: silentLogger, directory, openLog: metadataLogIn(world, directory), voters })
}

/** What the disk takes happens in virtual time. */
async function settled<T>(promise: Promise<T>): Promise<T> {
  await universe.scheduler.run({ untilMs: universe.scheduler.nowMs + 100 })
  return promise
}

function batch(records: number, baseOffset = 0, partitionLeaderEpoch = 0): Uint8Array {
  const builder = new BatchBuilder({ maxBytes: 10_000, baseOffset, partitionLeaderEpoch })
  for (let i = 0; i < records; i++) builder.append(0, null, `record ${i}`)
  return builder.build()
}

/** Epoch 1 up to offset 3, epoch 4 up to 5, epoch 5 up to 9. */
function written(): RaftLog {
  const raftLog = open()
  raftLog.appendAsLeader(batch(3), 1)
  raftLog.appendAsLeader(batch(2), 4)
  raftLog.appendAsLeader(batch(4), 5)
  return raftLog
}

function writeSnapshot(endOffset: number, epoch: number): void {
  const batches = checkpointBatches({ epoch, lastContainedLogTimestampMs: 0, values: [], nowMs: 0 })
  writeCheckpointNow(world.disk, `${directory}/${snapshotName({ endOffset, epoch })}`, batches)
}

describe('a log that ends', () => {
  test.each([
    ['nowhere', 0, 0, 'valid'],
    ['within the last epoch', 7, 5, 'valid'],
    ['at the end', 9, 5, 'valid'],
    ['where an epoch ends', 3, 1, 'valid'],
    ['behind the end', 12, 5, { divergingEpoch: { epoch: 5, endOffset: 9 } }],
    ['behind the end of an epoch', 5, 1, { divergingEpoch: { epoch: 1, endOffset: 3 } }],
    ['in an epoch that this one has not', 4, 3, { divergingEpoch: { epoch: 1, endOffset: 3 } }],
    ['in a later epoch', 7, 6, { divergingEpoch: { epoch: 5, endOffset: 9 } }],
  ] as const)('%s', (_, offset, epoch, position) => {
    expect(written().positionOf(offset, epoch)).toEqual(position)
  })

  test('before the snapshot that took the place of the beginning needs it, and one that follows it does not', () => {
    const raftLog = written()
    writeSnapshot(5, 4)
    raftLog.snapshotsChanged()
    raftLog.log.deleteBefore(5)
    const snapshot = { snapshotId: { endOffset: 5, epoch: 4 } }
    expect(raftLog.positionOf(0, 0)).toEqual(snapshot)
    expect(raftLog.positionOf(3, 1)).toEqual(snapshot)
    expect(raftLog.positionOf(5, 3)).toEqual(snapshot)
    expect(raftLog.positionOf(9, 3)).toEqual(snapshot)
    expect(raftLog.positionOf(5, 4)).toBe('valid')
    expect(raftLog.positionOf(7, 5)).toBe('valid')
  })
})

test('a log that starts at a snapshot of its leader knows of former epochs only that they end before it', () => {
  const raftLog = written()
  writeSnapshot(3, 1)
  raftLog.snapshotsChanged()
  writeSnapshot(9, 7)
  raftLog.startAtSnapshot()
  raftLog.appendAsLeader(batch(1), 8)
  const snapshot = { snapshotId: { endOffset: 9, epoch: 7 } }
  // Another log of epoch 1 went on to offset 20 without epoch 7: where it diverges is not in this log.
  expect(raftLog.positionOf(20, 1)).toEqual(snapshot)
  expect(raftLog.positionOf(9, 5)).toEqual(snapshot)
  expect(raftLog.positionOf(9, 7)).toBe('valid')
  writeSnapshot(3, 1)
  raftLog.snapshotsChanged()
  expect(raftLog.positionOf(20, 1)).toEqual(snapshot)
})

describe('truncation', () => {
  test.each([
    ['to the end that the leader has of an epoch', { epoch: 5, endOffset: 7 }, 5],
    ['to the end of an epoch that is shorter here', { epoch: 4, endOffset: 8 }, 5],
    ['to the epoch before one that is not here', { epoch: 3, endOffset: 4 }, 3],
    ['not at all when the leader has more', { epoch: 5, endOffset: 20 }, 9],
  ])('goes %s', (_, diverging, endOffset) => {
    const raftLog = written()
    expect(raftLog.truncateTo(diverging, 0)).toBe(endOffset)
    expect(raftLog.end.endOffset).toBe(endOffset)
  })

  test('below the high watermark is refused', () => {
    expect(() => written().truncateTo({ epoch: 1, endOffset: 2 }, 3)).toThrow(/below the high watermark 3/)
  })

  test('forgets the voters that were in the part that is gone', () => {
    const raftLog = open()
    const append = (ids: number[], epoch: number) =>
      raftLog.appendAsLeader(
        controlBatch(
          [
            { type: 'KRaftVersion', value: { version: 0, kRaftVersion: 1 } },
            {
              type: 'KRaftVoters',
              value: votersRecord(ids.map(id => ({ id, directoryId: 'DDDDDDDDDDDDDDDDDDDDDA', endpoints: [] }))),
            },
          ],
          { baseOffset: 0, epoch: 0, timestampMs: 0 },
        ),
        epoch,
      )
    append([1, 2], 1)
    append([1, 2, 3], 2)
    expect(voters.voters.map(({ id }) => id)).toEqual([1, 2, 3])
    expect(voters.records(2)).toMatchObject([{}, { value: { voters: [{ voterId: 1 }, { voterId: 2 }] } }])
    raftLog.truncateTo({ epoch: 1, endOffset: 2 }, 0)
    expect(voters.voters.map(({ id }) => id)).toEqual([1, 2])
  })
})

describe('what a leader sends', () => {
  test('is appended up to the first batch that is damaged', () => {
    const raftLog = written()
    const damaged = batch(1, 11, 6)
    damaged[damaged.length - 1]! ^= 1
    expect(raftLog.appendAsFollower(Buffer.concat([batch(2, 9, 6), damaged]), 6)).toBe(false)
    expect(raftLog.end).toEqual({ endOffset: 11, epoch: 6 })
  })

  test.each([
    ['leaves a gap', batch(1, 10, 5)],
    ['was there already', batch(1, 8, 5)],
    ['is of an earlier epoch than the end', batch(1, 9, 4)],
    ['is of a later epoch than the leader’s', batch(1, 9, 7)],
  ])('is not appended when it %s', (_, bytes) => {
    const raftLog = written()
    expect(raftLog.appendAsFollower(bytes, 6)).toBe(false)
    expect(raftLog.end).toEqual({ endOffset: 9, epoch: 5 })
  })

  test('is cut off without harm when a batch is not whole', () => {
    const raftLog = written()
    const whole = batch(2, 9, 5)
    expect(raftLog.appendAsFollower(Buffer.concat([whole, batch(3, 11, 5).subarray(0, 50)]), 5)).toBe(true)
    expect(raftLog.end.endOffset).toBe(11)
  })
})

describe('a snapshot from the leader', () => {
  test('takes the place of the log, at a restart too if the process ended in between', () => {
    const raftLog = written()
    writeSnapshot(20, 8)
    raftLog.startAtSnapshot()
    expect([raftLog.end, raftLog.log.logStartOffset]).toEqual([{ endOffset: 20, epoch: 8 }, 20])
    expect(raftLog.positionOf(20, 8)).toBe('valid')
    writeSnapshot(30, 9)
    expect(open().end).toEqual({ endOffset: 30, epoch: 9 })
  })

  test('of a later epoch takes the place of a log that went another way, and is longer', async () => {
    await settled(written().log.close())
    writeSnapshot(7, 6)
    expect(open().end).toEqual({ endOffset: 7, epoch: 6 })
  })

  test('that was damaged on its way does not count', async () => {
    open()
    const id = { endOffset: 20, epoch: 8 }
    const path = `${directory}/${snapshotName(id)}`
    const bytes = Buffer.concat(checkpointBatches({ epoch: 8, lastContainedLogTimestampMs: 0, values: [batch(1)], nowMs: 0 }))
    bytes[100]! ^= 1
    const download = new SnapshotDownload(world.disk, path, id, 2)
    download.append(bytes.subarray(0, 70))
    expect(download.position).toBe(70)
    download.append(bytes.subarray(70))
    const finished = download.finish().catch((error: MillraceError) => error.code)
    expect(await settled(finished)).toBe('CORRUPT_SNAPSHOT')
    expect(world.disk.exists(path)).toBe(false)
    expect(open().end.endOffset).toBe(0)
    expect(world.disk.list(directory).filter(name => name.endsWith('.part'))).toEqual([])
  })
})
