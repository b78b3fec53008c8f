import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DiskError, type File, nodeWorld, silentLogger, type World } from '@millrace/runtime'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RaftNode } from './raft-node.ts'
import { defaultRaftTimeouts, type RaftNodeOptions } from './raft-node-options.ts'
import type { SnapshotOptions } from './snapshotter.ts'
import { metadataLogIn } from './testing/metadata-log.ts'
import { noTransport } from './testing/no-transport.ts'

const self = { id: 1, host: 'localhost', port: 9093 }
const noSnapshots: SnapshotOptions = { maxRecordBytesBetween: 2 ** 30, maxIntervalMs: 0, retentionBytes: -1, retentionMs: -1 }
let root: string
let directory: string
let open: RaftNode<string>[] = []

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-raft-'))
  directory = `${root}/__cluster_metadata-0`
})
afterEach(async () => {
  for (const node of open) await node.close().catch(() => {})
  open = []
  rmSync(root, { recursive: true })
})

/** A node whose state is the list of its records. */
function nodeOf(
  options: { snapshots?: Partial<SnapshotOptions>; start?: boolean } & Partial<Omit<RaftNodeOptions<string>, 'snapshots'>> = {},
) {
  const { world = nodeWorld(), snapshots, start = true, ...more } = options
  const committed: string[] = []
  const leaders: { id: number; epoch: number; after: number }[] = []
  let led = () => {}
  const leads = new Promise<void>(resolve => {
    led = resolve
  })
  const failures: Error[] = []
  const node = new RaftNode<string>({
    world,
    logger: silentLogger,
    nodeId: 1,
    directoryId: 'DDDDDDDDDDDDDDDDDDDDDQ',
    directory,
    openLog: metadataLogIn(world, directory, { segmentBytes: 400, retentionMs: -1 }),
    staticVoters: [self],
    controllerListenerName: 'CONTROLLER',
    clusterId: 'MkU3OEVBNTcwNTJENDM2Qg',
    canVote: true,
    bootstrapServers: [],
    controllerListeners: [],
    transport: noTransport,
    timeouts: defaultRaftTimeouts,
    autoJoin: false,
    snapshots: { ...noSnapshots, ...snapshots },
    state: {
      encode: record => Buffer.from(record),
      decode: value => Buffer.from(value).toString(),
      loadSnapshot: records => void committed.splice(0, committed.length, ...records),
      committed: batch => void committed.push(...batch.records),
      leaderChanged: leader => {
        leaders.push({ ...leader, after: committed.length })
        if (leader.id === 1) led()
      },
      snapshot: () => committed,
    },
    failed: error => failures.push(error),
    ...more,
  })
  open.push(node)
  if (start) node.start()
  const append = (...records: string[]) =>
    new Promise<void>((resolve, reject) => {
      node.whenCommitted(node.append(records), error => (error ? reject(error) : resolve()))
    })
  return { node, committed, leaders, leads, failures, append }
}

const snapshots = () => readdirSync(directory).filter(name => name.endsWith('.checkpoint'))

/** A world whose files fail to reach the disk from some moment on. */
function failingWorld(): { world: World; fail: () => void } {
  const world = nodeWorld()
  let failing = false
  const guard = (file: File): File =>
    new Proxy(file, {
      get(target, name) {
        const value = Reflect.get(target, name, target)
        if (name === 'sync' && failing) return () => Promise.reject(new DiskError('EIO', target.path))
        if (name === 'syncNow' && failing)
          return () => {
            throw new DiskError('EIO', target.path)
          }
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  return {
    world: { ...world, disk: { ...world.disk, open: (path, mode) => guard(world.disk.open(path, mode)) } },
    fail: () => {
      failing = true
    },
  }
}

describe('the only voter', () => {
  test('commits what it appended once it is on disk, in order', async () => {
    const { node, committed, append } = nodeOf()
    const both = Promise.all([append('a', 'b'), append('c')])
    expect([committed, node.raft.highWatermark]).toEqual([[], 0])
    await both
    expect(committed).toEqual(['a', 'b', 'c'])
    // Offset 0 is the batch that says who leads.
    expect([node.raft.highWatermark, node.logEndOffset, node.raft.epoch]).toEqual([4, 4, 1])
  })

  test('answers an empty append when everything before it is committed', async () => {
    const { append, committed } = nodeOf()
    const first = append('a')
    await append()
    expect(committed).toEqual(['a'])
    await first
  })

  test('after a restart has all that was committed, and leads the next epoch', async () => {
    const before = nodeOf()
    await before.append('a', 'b')
    await before.node.close()
    const { node, committed, leaders, leads, append } = nodeOf()
    expect([committed, node.raft.epoch]).toEqual([[], 2])
    await leads
    expect([committed, leaders.at(-1)]).toEqual([['a', 'b'], { id: 1, epoch: 2, after: 2 }])
    await append('c')
    expect(committed).toEqual(['a', 'b', 'c'])
    expect(JSON.parse(readFileSync(`${directory}/quorum-state`, 'utf8'))).toEqual({
      clusterId: '',
      leaderId: 1,
      leaderEpoch: 2,
      votedId: -1,
      appliedOffset: 0,
      currentVoters: [{ voterId: 1 }],
      data_version: 0,
    })
  })

  test('that was killed after a commit has lost nothing', async () => {
    const { append } = nodeOf()
    await append('a')
    await append('b')
    const { leads, committed } = nodeOf()
    await leads
    expect(committed).toEqual(['a', 'b'])
  })

  test('leads no epoch that its log has seen, whatever became of quorum-state', async () => {
    const before = nodeOf()
    await before.append('a')
    await before.node.close()
    rmSync(`${directory}/quorum-state`)
    expect(nodeOf().node.raft.epoch).toBe(2)
  })
})

describe('a snapshot', () => {
  test('is written after so many bytes, and the next start goes on from it', async () => {
    const before = nodeOf({ snapshots: { maxRecordBytesBetween: 500 } })
    for (let i = 0; i < 10; i++) await before.append(`record ${i}`)
    await before.node.close()
    const names = snapshots()
    expect(names.length).toBeGreaterThan(0)
    expect(names[0]).toMatch(/^\d{20}-0000000001\.checkpoint$/)
    const { committed, append } = nodeOf()
    await append('next')
    expect(committed).toEqual([...Array.from({ length: 10 }, (_, i) => `record ${i}`), 'next'])
  })

  test('is written after so much time if there is something new', async () => {
    const { append } = nodeOf({ snapshots: { maxIntervalMs: 20 } })
    await append('a')
    await expect.poll(() => snapshots()).toHaveLength(1)
  })

  test('makes the older ones and the log before it superfluous', async () => {
    const before = nodeOf({ snapshots: { maxRecordBytesBetween: 400, retentionBytes: 1500 } })
    for (let i = 0; i < 40; i++) await before.append(`record ${i}`)
    await before.node.close()
    expect(existsSync(`${directory}/00000000000000000000.log`)).toBe(false)
    const after = nodeOf({ snapshots: { retentionBytes: 1500 } })
    await after.leads
    expect(after.committed).toEqual(Array.from({ length: 40 }, (_, i) => `record ${i}`))
  })

  test('that was not finished does not count', async () => {
    const before = nodeOf()
    await before.append('a')
    await before.node.close()
    writeFileSync(`${directory}/00000000000000000002-0000000001.checkpoint.part`, 'x')
    const { leads, committed } = nodeOf()
    await leads
    expect(committed).toEqual(['a'])
    expect(readdirSync(directory).filter(name => name.endsWith('.part'))).toEqual([])
  })

  test('that is damaged is an error, not an empty cluster', async () => {
    const before = nodeOf({ snapshots: { maxRecordBytesBetween: 100 } })
    await before.append('a'.repeat(100))
    await before.node.close()
    const path = `${directory}/${snapshots()[0]}`
    const bytes = readFileSync(path)
    bytes[bytes.length >> 1]! ^= 1
    writeFileSync(path, bytes)
    expect(() => nodeOf()).toThrow(/checkpoint cannot be read/)
  })
})

test('a damaged quorum-state is an error, as this voter might vote twice', async () => {
  await nodeOf().node.close()
  writeFileSync(`${directory}/quorum-state`, '{"leaderId":1')
  expect(() => nodeOf()).toThrow(/quorum-state cannot be read/)
})

test('a node that is none of the voters says so', () => {
  expect(() => nodeOf({ nodeId: 2 })).toThrow(/Node 2 .* is none of the voters/)
  expect(() => nodeOf({ staticVoters: [] })).toThrow(/format with --standalone/)
})

test('a disk that fails ends all: waiting callers get the error, and later ones too', async () => {
  const { world, fail } = failingWorld()
  const { append, failures, committed } = nodeOf({ world })
  await append('a')
  fail()
  await expect(append('b')).rejects.toThrow(/EIO/)
  await expect(append('c')).rejects.toThrow(/EIO/)
  expect(committed).toEqual(['a'])
  expect(failures).toHaveLength(1)
})
