import { Admin } from '@millrace/client'
import { RegistryClient, type RunningRegistry, startRegistry } from '@millrace/schema-registry'
import { type Cluster, startCluster } from '@millrace/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from './process-harness.ts'

let cluster: Cluster
let registries: RunningRegistry[]

beforeAll(async () => {
  cluster = await startCluster()
  const start = () => startRegistry({ bootstrapServers: cluster.bootstrapServers, port: 0 })
  registries = await Promise.all([start(), start(), start()])
})
afterAll(async () => {
  await Promise.all(registries?.map(registry => registry.close()) ?? [])
  await cluster?.close()
})

const clientOf = ({ url }: RunningRegistry) => new RegistryClient({ url })
const schema = (name: string) => JSON.stringify({ type: 'record', name, fields: [] })

test('three registries on one topic: whoever is asked, one of them writes, and no id is given twice', async () => {
  const ids = await Promise.all(
    Array.from({ length: 30 }, (_, i) => clientOf(registries[i % 3]!).register(`s${i}`, schema(`R${i}`))),
  )
  expect(new Set(ids)).toEqual(new Set(Array.from({ length: 30 }, (_, i) => i + 1)))
  // Each reads at once what was written through it, and after a moment what was written elsewhere.
  for (const registry of registries) await until('all subjects', async () => (await clientOf(registry).subjects()).length === 30)
  expect(new Set(await Promise.all(registries.map(registry => clientOf(registry).register('s0', schema('R0'))))).size).toBe(1)

  const admin = new Admin({ bootstrapServers: cluster.bootstrapServers })
  const [group] = await admin.describeGroups(['schema-registry'])
  expect(group).toMatchObject({ protocolType: 'sr', state: 'Stable' })
  expect(group!.members).toHaveLength(3)
  await admin.close()
})

test('the primary closes: another one takes over, and goes on with the ids', async () => {
  const [primary, ...others] = [...registries].sort((a, b) => (a.url < b.url ? -1 : 1))
  await primary!.close()
  registries = others
  const id = await clientOf(others[1]!).register('later', schema('Later'))
  expect(id).toBe(31)
  expect(await clientOf(others[0]!).schemaById(id)).toContain('Later')
})
