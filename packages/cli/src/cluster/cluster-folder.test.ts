import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MillraceError, nodeWorld } from '@millrace/runtime'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type ClusterFolderOptions, clusterIdOf, nodesIn, openClusterFolder } from './cluster-folder.ts'
import { portsFrom } from './cluster-plan.ts'

const world = nodeWorld()
let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-cluster-folder-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const open = (options: Partial<ClusterFolderOptions> = {}) =>
  openClusterFolder(world, { directory, host: '127.0.0.1', rack: 'r', brokers: 3, port: 9092, defaultPort: 9092, ...options })

describe('a new folder', () => {
  test('of three nodes: each broker and controller, three replicas of which two must be in sync', async () => {
    const nodes = await open()
    expect(nodes.map(({ nodeId }) => nodeId)).toEqual([1, 2, 3])
    expect(Object.fromEntries(nodes[1]!.properties)).toEqual({
      'process.roles': 'broker,controller',
      'node.id': '2',
      'broker.rack': 'r',
      'controller.quorum.voters': '1@127.0.0.1:10092,2@127.0.0.1:10093,3@127.0.0.1:10094',
      listeners: 'PLAINTEXT://127.0.0.1:9093,CONTROLLER://127.0.0.1:10093',
      'advertised.listeners': 'PLAINTEXT://127.0.0.1:9093',
      'controller.listener.names': 'CONTROLLER',
      'inter.broker.listener.name': 'PLAINTEXT',
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      'log.dirs': `${directory}/node-2/data`,
      'default.replication.factor': '3',
      'min.insync.replicas': '2',
      'offsets.topic.replication.factor': '3',
      'group.initial.rebalance.delay.ms': '0',
      'millrace.http.listener': 'http://127.0.0.1:9645',
    })
  })

  test('is formatted for one cluster; later calls read the files and change nothing', async () => {
    const nodes = await open()
    const ids = nodes.map(node => clusterIdOf(world, node))
    expect(new Set(ids).size).toBe(1)
    expect(ids[0]).toMatch(/^[\w-]{22}$/)
    const written = nodes.map(({ file }) => [readFileSync(file, 'utf8'), statSync(file).mtimeMs])
    const again = await open({ brokers: null, port: null })
    expect(again).toEqual(nodes)
    expect(again.map(node => clusterIdOf(world, node))).toEqual(ids)
    expect(again.map(({ file }) => [readFileSync(file, 'utf8'), statSync(file).mtimeMs])).toEqual(written)
  })

  test('of two nodes has one controller and two replicas', async () => {
    const [first, second] = await open({ brokers: 2 })
    expect(first!.properties.get('process.roles')).toBe('broker,controller')
    expect(second!.properties.get('process.roles')).toBe('broker')
    expect(second!.properties.get('listeners')).toBe('PLAINTEXT://127.0.0.1:9093')
    expect(second!.properties.get('controller.quorum.voters')).toBe('1@127.0.0.1:10092')
    expect(second!.properties.get('default.replication.factor')).toBe('2')
    expect(second!.properties.get('min.insync.replicas')).toBe('1')
    expect(second!.properties.get('transaction.state.log.min.isr')).toBe('1')
  })

  test('of five nodes has three controllers, and the others are brokers alone', async () => {
    const nodes = await open({ brokers: 5 })
    expect(nodes.map(({ properties }) => properties.get('process.roles'))).toEqual([
      ...Array(3).fill('broker,controller'),
      ...Array(2).fill('broker'),
    ])
    expect(nodes[4]!.properties.get('controller.quorum.voters')!.split(',')).toHaveLength(3)
    expect(nodes[4]!.properties.get('default.replication.factor')).toBe('3')
  })

  test('with port 0 takes ports that are free, all different', async () => {
    const nodes = await open({ port: 0 })
    const ports = nodes.flatMap(({ properties }) =>
      [...`${properties.get('listeners')} ${properties.get('millrace.http.listener')}`.matchAll(/:(\d+)/g)].map(
        ([, port]) => port,
      ),
    )
    expect(new Set(ports).size).toBe(9)
  })

  test('without a number of nodes holds one', async () => {
    expect(await open({ brokers: null })).toHaveLength(1)
    expect(nodesIn(world, directory)).toBe(1)
  })
})

describe('a folder that is there', () => {
  const refused = async (options: Partial<ClusterFolderOptions>) => {
    const failure = await open(options).catch(error => error)
    expect(failure).toBeInstanceOf(MillraceError)
    expect(failure.code).toBe('CLUSTER_SHAPE')
    return failure.message
  }

  test('of another size or with other ports is refused with what to do', async () => {
    await open()
    expect(await refused({ brokers: 4 })).toBe(
      `${directory} holds a cluster of 3 nodes, not of 4 (leave --brokers out, or choose another folder with --data)`,
    )
    expect(await refused({ port: 9192 })).toContain(
      `${directory}/node-1/server.properties says PLAINTEXT://127.0.0.1:9092, not port 9192 (leave the port out`,
    )
    expect(await open({ port: 0 })).toHaveLength(3)
  })

  test('whose making was interrupted is completed for the same cluster', async () => {
    const nodes = await open()
    const clusterId = clusterIdOf(world, nodes[2]!)
    rmSync(`${directory}/node-1`, { recursive: true })
    const again = await open()
    expect(again.map(node => clusterIdOf(world, node))).toEqual([clusterId, clusterId, clusterId])
  })

  test('from which a disk has vanished is left so: who has voted must not come back without its vote', async () => {
    await open()
    rmSync(`${directory}/node-3/data`, { recursive: true })
    const again = await open()
    expect(clusterIdOf(world, again[2]!)).toBe(null)
  })
})

test('the ports of a cluster do not meet', () => {
  const { brokers, controllers, http } = portsFrom(9092, 100)
  expect(new Set([...brokers, ...controllers, ...http!]).size).toBe(203)
})
