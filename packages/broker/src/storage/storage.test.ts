import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { batchesIn } from '@millrace/protocol'
import { nodeWorld, silentLogger } from '@millrace/runtime'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readBrokerConfig } from '../config/broker-config.ts'
import { decodeRecord } from '../controller/record-codec.ts'
import { controlRecordsIn } from '../raft/control-records.ts'
import { type FormatOptions, formatStorage } from './format-storage.ts'
import { parseInitialControllers } from './initial-voters.ts'
import { readMetaProperties } from './meta-properties.ts'
import { openStorage } from './open-storage.ts'

const clusterId = 'MkU3OEVBNTcwNTJENDM2Qg'
const world = nodeWorld()
let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-storage-'))
})
afterEach(() => rmSync(root, { recursive: true }))

function properties(more: Record<string, string> = {}): Map<string, string> {
  return new Map(
    Object.entries({
      'process.roles': 'broker,controller',
      'node.id': '1',
      listeners: 'PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093',
      'controller.listener.names': 'CONTROLLER',
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      'controller.quorum.bootstrap.servers': '127.0.0.1:9093',
      'log.dirs': `${root}/a,${root}/b/`,
      ...more,
    }),
  )
}

const format = (more: Record<string, string> = {}, options: Partial<FormatOptions> = {}) =>
  formatStorage(world, { properties: properties(more), clusterId, standalone: true, ...options })
const open = (more: Record<string, string> = {}) => openStorage(world, readBrokerConfig(properties(more), silentLogger))
const code = (attempt: () => unknown) => {
  try {
    attempt()
  } catch (error) {
    return (error as { code: string }).code
  }
  return 'nothing thrown'
}

describe('formatting', () => {
  test('gives every directory an id of its own, and the first one what the cluster starts with', () => {
    expect(format()).toEqual([`${root}/a`, `${root}/b`])
    const [a, b] = ['a', 'b'].map(name => readMetaProperties(world.disk, `${root}/${name}`)!)
    expect([a!.clusterId, a!.nodeId]).toEqual([clusterId, 1])
    expect(a!.directoryId).not.toBe(b!.directoryId)
    const batches = [...batchesIn(world.disk.readFile(`${root}/a/bootstrap.checkpoint`))]
    expect(batches.map(batch => [batch.isControl, batch.baseOffset, batch.recordCount])).toEqual([
      [true, 0, 1],
      [false, 1, 6],
      [true, 7, 1],
    ])
    const cursor = batches[1]!.records()
    cursor.next()
    expect(decodeRecord(cursor.value()!)).toEqual({
      type: 'FeatureLevelRecord',
      value: { name: 'metadata.version', featureLevel: 30 },
    })
    expect(world.disk.list(`${root}/b`)).toEqual(['meta.properties'])
  })

  test('standalone leaves this node as the only voter in the first checkpoint', () => {
    format()
    const path = `${root}/a/__cluster_metadata-0/00000000000000000000-0000000000.checkpoint`
    const [head] = [...batchesIn(world.disk.readFile(path))]
    expect(controlRecordsIn(head!).map(({ type }) => type)).toEqual(['SnapshotHeader', 'KRaftVersion', 'KRaftVoters'])
    expect(controlRecordsIn(head!)[2]!.value).toMatchObject({
      voters: [
        {
          voterId: 1,
          voterDirectoryId: readMetaProperties(world.disk, `${root}/a`)!.directoryId,
          endpoints: [{ name: 'CONTROLLER', host: '127.0.0.1', port: 9093 }],
        },
      ],
    })
  })

  test('with initial controllers every node has the same voters, and the directory id that they give it', () => {
    const ids = ['node-directory------1w', 'node-directory------2w'] as const
    const initialControllers = parseInitialControllers(`1@127.0.0.1:9093:${ids[0]},2@[::1]:9193:${ids[1]}`)
    format({}, { standalone: false, initialControllers })
    format({ 'node.id': '2', 'log.dirs': `${root}/c` }, { standalone: false, initialControllers })
    for (const name of ['a', 'c']) {
      const path = `${root}/${name}/__cluster_metadata-0/00000000000000000000-0000000000.checkpoint`
      const [head] = [...batchesIn(world.disk.readFile(path))]
      expect(controlRecordsIn(head!)[2]!.value).toMatchObject({
        voters: [
          { voterId: 1, voterDirectoryId: ids[0], endpoints: [{ name: 'CONTROLLER', host: '127.0.0.1', port: 9093 }] },
          { voterId: 2, voterDirectoryId: ids[1], endpoints: [{ name: 'CONTROLLER', host: '::1', port: 9193 }] },
        ],
      })
    }
    expect(['a', 'c'].map(name => readMetaProperties(world.disk, `${root}/${name}`)!.directoryId)).toEqual(ids)
    expect(ids).not.toContain(readMetaProperties(world.disk, `${root}/b`)!.directoryId)
  })

  test('without initial controllers writes no voters', () => {
    format({}, { standalone: false, noInitialControllers: true })
    expect(world.disk.list(`${root}/a`)).toEqual(['bootstrap.checkpoint', 'meta.properties'])
  })

  test.each([
    ['1@host:9093', 'not an initial controller'],
    ['1@host:99999:node-directory------1w', 'not an initial controller'],
    ['1@host:9093:AAAAAAAAAAAAAAAAAAAAAA', 'not an initial controller'],
    ['1@a:9093:node-directory------1w,1@b:9093:node-directory------2w', 'the node 1 twice'],
    ['1@a:9093:node-directory------1w,2@b:9093:node-directory------1w', 'the directory node-directory------1w twice'],
  ])('refuses %s as initial controllers', (text, reason) => {
    expect(() => parseInitialControllers(text)).toThrow(reason)
  })

  test('refuses two answers to who votes', () => {
    expect(code(() => format({}, { noInitialControllers: true }))).toBe('QUORUM_MISMATCH')
    const voters = { 'controller.quorum.bootstrap.servers': '', 'controller.quorum.voters': '1@127.0.0.1:9093' }
    expect(code(() => format(voters, { standalone: false, noInitialControllers: true }))).toBe('QUORUM_MISMATCH')
  })

  test('a broker alone needs no voters', () => {
    const broker = { 'process.roles': 'broker', listeners: 'PLAINTEXT://127.0.0.1:9092' }
    expect(format(broker, { standalone: false })).toHaveLength(2)
    expect(code(() => format({ ...broker, 'log.dirs': `${root}/z` }))).toBe('QUORUM_MISMATCH')
  })

  test('with static voters writes no voters', () => {
    const voters = { 'controller.quorum.bootstrap.servers': '', 'controller.quorum.voters': '1@127.0.0.1:9093' }
    format(voters, { standalone: false })
    expect(world.disk.list(`${root}/a`)).toEqual(['bootstrap.checkpoint', 'meta.properties'])
    expect(code(() => format(voters))).toBe('QUORUM_MISMATCH')
  })

  test('refuses a formatted directory, unless told to leave it and it is of this cluster and node', () => {
    format({ 'log.dirs': `${root}/a` })
    expect(code(() => format())).toBe('ALREADY_FORMATTED')
    expect(format({}, { ignoreFormatted: true })).toEqual([`${root}/b`])
    const other = 'XkU3OEVBNTcwNTJENDM2Qg'
    expect(code(() => format({}, { ignoreFormatted: true, clusterId: other }))).toBe('CLUSTER_ID_MISMATCH')
    expect(code(() => format({ 'node.id': '2' }, { ignoreFormatted: true }))).toBe('NODE_ID_MISMATCH')
  })

  test('refuses what is no cluster id, and a quorum of nobody', () => {
    expect(code(() => format({}, { clusterId: 'my-cluster' }))).toBe('INVALID_CLUSTER_ID')
    expect(code(() => format({}, { standalone: false }))).toBe('QUORUM_MISMATCH')
  })
})

describe('opening', () => {
  test('tells the ids and locks the directories until closed', () => {
    format()
    const storage = open()
    expect(storage).toMatchObject({ nodeId: 1, clusterId, metadataDirectory: { path: `${root}/a` } })
    expect(storage.directories.map(({ path }) => path)).toEqual([`${root}/a`, `${root}/b`])
    expect(world.disk.exists(`${root}/b/.lock`)).toBe(true)
    storage.close()
    open().close()
  })

  test('of a directory that another process has says so, and leaves the others unlocked', () => {
    format()
    writeFileSync(`${root}/b/.lock`, String(process.ppid))
    expect(open).toThrow(`${root}/b is in use by another process`)
    expect(code(open)).toBe('DATA_LOCKED')
    expect(world.disk.exists(`${root}/a/.lock`)).toBe(false)
  })

  test('metadata.log.dir holds the metadata log', () => {
    format({ 'metadata.log.dir': `${root}/meta` })
    const storage = open({ 'metadata.log.dir': `${root}/meta` })
    expect(storage.metadataDirectory.path).toBe(`${root}/meta`)
    expect(world.disk.exists(`${root}/meta/bootstrap.checkpoint`)).toBe(true)
    storage.close()
  })

  test('of an unformatted directory says how to format it', () => {
    format({ 'log.dirs': `${root}/a` })
    expect(open).toThrow(/b is not formatted \(run: millrace storage format/)
  })

  test('of another node, of two clusters or of a copy says so', () => {
    format()
    expect(code(() => open({ 'node.id': '2' }))).toBe('NODE_ID_MISMATCH')
    formatStorage(world, {
      properties: properties({ 'log.dirs': `${root}/c` }),
      clusterId: 'XkU3OEVBNTcwNTJENDM2Qg',
      standalone: true,
    })
    expect(code(() => open({ 'log.dirs': `${root}/a,${root}/c` }))).toBe('CLUSTER_ID_MISMATCH')
    writeFileSync(`${root}/b/meta.properties`, world.disk.readFile(`${root}/a/meta.properties`))
    expect(code(open)).toBe('DIRECTORY_ID_TWICE')
  })

  test('of a damaged meta.properties says so', () => {
    format()
    writeFileSync(`${root}/a/meta.properties`, 'version=1\n')
    expect(code(open)).toBe('CORRUPT_META_PROPERTIES')
  })
})
