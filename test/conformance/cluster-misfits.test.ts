import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DescribeQuorum } from '@millrace/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RawConnection } from '../security/raw-connection.ts'
import { type ClusterListing, ProcessCluster } from './cluster-harness.ts'
import { freePorts } from './free-ports.ts'
import { type Finished, run } from './process-harness.ts'

const millrace = resolve(import.meta.dirname, '../../packages/cli/bin/millrace.mjs')
const otherCluster = 'XkU3OEVBNTcwNTJENDM2Qg'
/** A misfit is to end by itself, sooner. */
const endsWithinMs = 60_000

let cluster: ProcessCluster
let before: ClusterState

interface ClusterState {
  readonly quorum: { readonly leaderId: number; readonly leaderEpoch: number; readonly voters: readonly number[] } | null
  readonly brokers: unknown
  readonly topics: unknown
}

/** Leader and epoch of the quorum, and who is in sync: what a misfit must not touch. */
async function stateOfCluster(): Promise<ClusterState> {
  const { topics, brokers } = JSON.parse(await cluster.kcat('-L -J')) as ClusterListing
  let quorum: ClusterState['quorum'] = null
  for (const { controller } of cluster.nodes) {
    const connection = await RawConnection.open(Number(controller.split(':')[1]))
    const answer = await connection.request(DescribeQuorum, 2, {
      topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }],
    })
    connection.close()
    const { errorCode, leaderId, leaderEpoch, currentVoters } = answer.topics[0]!.partitions[0]!
    if (errorCode === 0) quorum = { leaderId, leaderEpoch, voters: currentVoters.map(({ replicaId }) => replicaId) }
  }
  return { quorum, brokers, topics }
}

beforeAll(async () => {
  cluster = await ProcessCluster.make()
  await cluster.startAll('millrace')
  await cluster.kcat('-P -t kept -X allow.auto.create.topics=true', 'one\n')
  await cluster.whenInSync()
  before = await stateOfCluster()
})
afterAll(() => cluster?.close())

/** The server.properties of one more node, formatted unless told otherwise. */
async function misfit(
  name: string,
  keys: Readonly<Record<string, string>>,
  clusterId: string | null = cluster.clusterId,
): Promise<{ file: string; dataDirectory: string }> {
  const [port, controllerPort] = await freePorts(2)
  const dataDirectory = join(cluster.directory, name)
  rmSync(dataDirectory, { recursive: true, force: true })
  const file = join(cluster.directory, `${name}.properties`)
  const isController = keys['process.roles']?.includes('controller')
  const own = isController
    ? `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`
    : `PLAINTEXT://127.0.0.1:${port}`
  const properties: Record<string, string> = {
    'process.roles': 'broker',
    'node.id': '4',
    'controller.quorum.bootstrap.servers': cluster.nodes.map(({ controller }) => controller).join(','),
    listeners: own,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': dataDirectory,
    'initial.broker.registration.timeout.ms': '4000',
    ...keys,
  }
  const text = Object.entries(properties).map(([key, value]) => `${key}=${value}\n`)
  writeFileSync(file, text.join(''))
  if (clusterId !== null) {
    const quorum = isController && !properties['controller.quorum.voters'] ? ['--no-initial-controllers'] : []
    await run(process.execPath, [millrace, 'storage', 'format', '-t', clusterId, '-c', file, ...quorum])
  }
  return { file, dataDirectory }
}

const start = (file: string): Promise<Finished> =>
  run(process.execPath, [millrace, 'broker', file], { status: 1, timeoutMs: endsWithinMs })

/** It ends with status 1, the reason is the last thing that it says and stands once in its log at the most, and the cluster is as it was. */
async function isRefused(file: string, reason: RegExp): Promise<void> {
  const { stderr, stdout } = await start(file)
  const lines = (stdout + stderr).trimEnd().split('\n')
  expect(lines.at(-1)).toMatch(reason)
  expect(lines.at(-1)).toMatch(/^millrace: /)
  const logged = lines.slice(0, -1).filter(line => reason.test(line))
  expect(logged.length).toBeLessThan(2)
  // What it keeps trying, it says once.
  expect(lines.length).toBeLessThan(25)
  expect(stdout + stderr).not.toMatch(/^\s+at /m)
  expect(await stateOfCluster()).toEqual(before)
}

describe('a node that does not fit ends with one line that says why, and disturbs nobody', () => {
  test('of another cluster', async () => {
    const { file } = await misfit('another-cluster', {}, otherCluster)
    await isRefused(file, new RegExp(`belong to the cluster ${otherCluster}`))
  })

  test.each(['leads the quorum', 'follows'])('with the number of a broker that lives and %s', async role => {
    const { leaderId, voters } = before.quorum!
    const nodeId = role === 'follows' ? voters.find(id => id !== leaderId)! : leaderId
    const { file } = await misfit(`number-${nodeId}`, {
      'node.id': `${nodeId}`,
      'initial.broker.registration.timeout.ms': '10000',
    })
    await isRefused(file, /DUPLICATE_BROKER_REGISTRATION: another process with this node\.id is alive/)
  })

  test('with a directory that is not formatted', async () => {
    const { file, dataDirectory } = await misfit('unformatted', {}, null)
    mkdirSync(dataDirectory)
    await isRefused(file, /unformatted is not formatted/)
  })

  test('with a directory that is not there', async () => {
    const { file } = await misfit('missing', {}, null)
    await isRefused(file, /missing is not formatted/)
  })

  test('with the directory of another node', async () => {
    const { file } = await misfit('borrowed', { 'node.id': '5' })
    const text = readFileSync(file, 'utf8').replace('node.id=5', 'node.id=6')
    writeFileSync(file, text)
    await isRefused(file, /borrowed belongs to node 5, and node\.id is 6/)
  })

  test('with directories of two clusters', async () => {
    const one = await misfit('half', {})
    const two = await misfit('other-half', {}, otherCluster)
    appendFileSync(one.file, `log.dirs=${one.dataDirectory},${two.dataDirectory}\n`)
    await isRefused(one.file, /other-half belongs to the cluster XkU3OEVBNTcwNTJENDM2Qg/)
  })

  test('with voters among whom it is not', async () => {
    const voters = cluster.nodes.map(({ id, controller }) => `${id}@${controller}`).join(',')
    const { file } = await misfit('no-voter', { 'process.roles': 'broker,controller', 'controller.quorum.voters': voters }, null)
    await isRefused(file, /controller\.quorum\.voters does not name this node/)
  })

  test('with voters among whom it is, though it is a broker alone', async () => {
    const voters = `4@127.0.0.1:1,${cluster.nodes.map(({ id, controller }) => `${id}@${controller}`).join(',')}`
    const { file } = await misfit('voting-broker', { 'controller.quorum.voters': voters }, null)
    await isRefused(file, /controller\.quorum\.voters names this node, which is a broker alone/)
  })

  test('on a port that a node has', async () => {
    const { file } = await misfit('port-in-use', { listeners: `PLAINTEXT://${cluster.node(1).bootstrapServers}` })
    await isRefused(file, /in use/)
  })

  test('on the directory of a node that runs', async () => {
    const { file } = await misfit('shared', { 'node.id': '1', 'log.dirs': cluster.node(1).dataDirectory }, null)
    await isRefused(file, /is in use by another process/)
  })
})

test('the cluster has kept what it was given', async () => {
  expect(await cluster.kcat('-C -t kept -e -q')).toBe('one\n')
})
