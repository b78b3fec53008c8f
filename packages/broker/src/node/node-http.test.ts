import { type Facts, nodeWorld, silentLogger } from '@millrace/runtime'
import { afterEach, expect, test } from 'vitest'
import { eventually, TestCluster } from '../testing/test-cluster.ts'

const world = nodeWorld()
let cluster: TestCluster
afterEach(() => cluster.remove())

test('a node says over HTTP why it is not ready yet, and when it is; its gauges know the cluster', async () => {
  const properties = { 'millrace.http.listener': 'http://127.0.0.1:0' }
  cluster = await TestCluster.format({ world, roles: ['controller', 'broker'], properties })
  const urls = new Map<number, string>()
  for (const node of cluster.nodes) {
    const info = (event: string, facts?: Facts) => {
      if (event === 'http.started') urls.set(node.id, String(facts!['url']))
    }
    node.logger = { ...silentLogger, info }
  }
  const ready = async (id: number) => {
    const answer = await fetch(`${urls.get(id)}/ready`)
    return [answer.status, ((await answer.json()) as { reason?: string }).reason]
  }
  const started = cluster.start(2)
  await eventually(world, () => urls.has(2))
  expect(await ready(2)).toEqual([503, expect.stringMatching(/^starting: not registered/)])
  await cluster.start(1)
  await started
  expect([await ready(1), await ready(2)]).toEqual([
    [200, undefined],
    [200, undefined],
  ])
  const metrics = async (id: number) => (await fetch(`${urls.get(id)}/metrics`)).text()
  expect(await metrics(1)).toMatch(/^millrace_controller_active 1$/m)
  expect(await metrics(2)).toMatch(/^millrace_controller_active 0$/m)
  expect(await metrics(2)).toMatch(/^millrace_cluster_brokers_fenced 0$/m)
})
