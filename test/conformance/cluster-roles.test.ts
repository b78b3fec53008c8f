import { describe, expect, test } from 'vitest'
import type { Maker } from './cluster-harness.ts'
import { makers } from './makers.ts'
import { linesOf, run, until } from './process-harness.ts'
import { startToolsCluster } from './tools-cluster.ts'

const ids = (json: string) => (JSON.parse(json) as { id: number }[]).map(({ id }) => id).sort()

describe('a controller and two brokers, nodes of their own', () => {
  test.each(makers)(
    'run by %s: the tools tell them apart, and the brokers go on without the controller',
    async (maker: Maker) => {
      const { cluster, tools } = await startToolsCluster(maker, {
        roles: ['controller', 'broker', 'broker'],
        properties: { 'default.replication.factor': '2', 'offsets.topic.replication.factor': '2', 'min.insync.replicas': '1' },
      })
      const [controller] = cluster.controllers
      const [first, second] = cluster.brokers
      const asked = ['--bootstrap-server', second!.bootstrapServers]
      const described = async (where: readonly string[]) => {
        const { stdout } = await tools.run('metadata-quorum', [...where, 'describe', '--status'])
        return new Map(linesOf(stdout).map(line => /^(\w+):\s+(.*)$/.exec(line)!.slice(1) as [string, string]))
      }
      for (const where of [asked, ['--bootstrap-controller', controller!.controller]]) {
        const status = await described(where)
        expect(status.get('LeaderId')).toBe('1')
        expect(ids(status.get('CurrentVoters')!)).toEqual([1])
        expect(ids(status.get('CurrentObservers')!)).toEqual([2, 3])
      }
      const replication = linesOf((await tools.run('metadata-quorum', [...asked, 'describe', '--replication'])).stdout).slice(1)
      expect(replication.map(line => [line.split(/\s+/)[0], line.trim().split(/\s+/).at(-1)]).sort()).toEqual([
        ['1', 'Leader'],
        ['2', 'Observer'],
        ['3', 'Observer'],
      ])
      const endpoints = async (where: readonly string[]) =>
        linesOf((await tools.run('cluster', ['list-endpoints', ...where])).stdout)
          .slice(1)
          .map(line => [line.split(/\s+/)[0], line.trim().split(/\s+/).at(-1)])
      expect(await endpoints(asked)).toEqual([
        ['2', 'broker'],
        ['3', 'broker'],
      ])
      expect(await endpoints(['--bootstrap-controller', controller!.controller])).toEqual([['1', 'controller']])

      await tools.run('topics', [...asked, '--create', '--topic', 'apart', '--partitions', '2'])
      await cluster.whenInSync()
      const write = (text: string) => cluster.kcat('-P -t apart -p 0 -X acks=all', `${text}\n`)
      const read = async () => linesOf(await cluster.kcat('-C -t apart -p 0 -e -q'))
      await write('with')
      await cluster.kill(1)
      await write('without')
      expect(await read()).toEqual(['with', 'without'])
      // Nobody decides now.
      const listed = await run('kcat', ['-b', first!.bootstrapServers, '-L', '-J'])
      expect(JSON.parse(listed.stdout).brokers).toHaveLength(2)

      await cluster.start(1, maker)
      await until('a topic that the new controller makes', async () => {
        const made = await tools.run('topics', [...asked, '--create', '--if-not-exists', '--topic', 'after'], {
          status: undefined,
        })
        return made.status === 0
      })
      await cluster.whenInSync()
      await write('after')
      expect(await read()).toEqual(['with', 'without', 'after'])
    },
  )
})
