import { afterEach, expect, test } from 'vitest'
import { ProcessCluster } from './cluster-harness.ts'
import { kafkaScript } from './kafka-peer.ts'
import { run, until } from './process-harness.ts'

let cluster: ProcessCluster
afterEach(() => cluster?.close())

interface Voter {
  readonly id: number
  readonly directoryId?: string
  readonly endpoints?: readonly string[]
}

const tool = (name: string, args: string, options: { status?: number } = {}) =>
  run(kafkaScript(), [name, '--bootstrap-server', cluster.node(1).bootstrapServers, ...args.split(' ')], options)

async function quorum(): Promise<{ leaderId: number; voters: Voter[] }> {
  const { stdout } = await tool('metadata-quorum', 'describe --status')
  const value = (name: string) => new RegExp(`^${name}: *(.*)$`, 'm').exec(stdout)?.[1] ?? ''
  const voters = JSON.parse(value('CurrentVoters') || '[]') as Voter[]
  return { leaderId: Number(value('LeaderId')), voters: voters.sort((a, b) => a.id - b.id) }
}

const voterIds = async () => (await quorum()).voters.map(({ id }) => id).join()

test('a running quorum with static voters of both makers becomes a dynamic one, whose voters go and come', async () => {
  cluster = await ProcessCluster.make({ quorum: 'static' })
  for (const { id } of cluster.nodes) await cluster.format(id, id === 3 ? 'kafka' : 'millrace')
  await Promise.all([cluster.start(1, 'millrace'), cluster.start(2, 'millrace')])
  await cluster.start(3, 'kafka')
  await cluster.whenInSync()
  const { leaderId, voters } = await quorum()
  expect([1, 2]).toContain(leaderId)
  expect(voters.map(({ id }) => id)).toEqual([1, 2, 3])

  const upgraded = await until('every voter has told the leader about itself', async () => {
    const result = await run(
      kafkaScript(),
      ['features', '--bootstrap-server', cluster.bootstrapServers, 'upgrade', '--feature', 'kraft.version=1'],
      { status: undefined },
    )
    if (result.status !== 0) expect(result.stdout + result.stderr).toContain('not all of the voters support it')
    return result.status === 0 ? result : null
  })
  expect(upgraded.stdout).toContain('kraft.version was upgraded to 1.')
  expect((await tool('features', 'describe')).stdout).toMatch(/kraft\.version.*FinalizedVersionLevel: 1/)
  const after = (await quorum()).voters
  expect(after.map(({ id }) => id)).toEqual([1, 2, 3])
  for (const { id, directoryId, endpoints } of after) {
    expect(directoryId).toMatch(/^[\w-]{22}$/)
    expect(endpoints).toEqual([`CONTROLLER://${cluster.node(id).controller}`])
  }

  const leaving = after[2]!
  await tool('metadata-quorum', `remove-controller --controller-id 3 --controller-directory-id ${leaving.directoryId}`)
  await until('the quorum of two', async () => (await voterIds()) === '1,2')
  await run(kafkaScript(), [
    'metadata-quorum',
    '--bootstrap-server',
    cluster.node(1).bootstrapServers,
    '--command-config',
    cluster.node(3).file,
    'add-controller',
  ])
  await until('the quorum of three', async () => (await voterIds()) === '1,2,3')

  const refused = await tool('features', 'downgrade --feature kraft.version=0', { status: 1 })
  expect(refused.stdout + refused.stderr).toContain("Can't downgrade the version of this feature.")
  // What the log says counts, not controller.quorum.voters.
  await cluster.stop(leaderId)
  await cluster.start(leaderId, 'millrace')
  await cluster.whenInSync()
  expect((await quorum()).voters).toEqual(after)
})
