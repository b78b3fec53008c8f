import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ClusterUnderTest } from './cluster-under-test.ts'
import { diskFull, leaderAhead, recovered, type Scenario, scenarios } from './scenarios.ts'
import { Workload } from './workload.ts'

/** Of faults in each scenario; `run-faults.ts` takes longer ones. */
const seconds = 10
const smallDiskMebibytes = 96
const timeoutMs = 170_000

let cluster: ClusterUnderTest
let workload: Workload

async function suffers({ run }: Scenario): Promise<void> {
  workload.startInterval()
  try {
    await run(cluster, workload, seconds)
    await recovered(cluster, workload)
    expect(await workload.check()).toEqual([])
  } catch (error) {
    const logs = cluster.nodes.map(({ nodeId }) => cluster.logTail(nodeId)).join('\n')
    throw new Error(`${error instanceof Error ? error.message : error}\n${workload}\n${logs}`, { cause: error })
  }
}

describe('three nodes under load lose, double and reorder nothing, and go on after', () => {
  beforeAll(async () => {
    cluster = await ClusterUnderTest.start()
    workload = await Workload.start(cluster)
  }, timeoutMs)
  afterAll(async () => {
    await workload?.stop()
    await cluster?.close()
  }, timeoutMs)

  it.each(scenarios)('$name', suffers, timeoutMs)
})

it(
  'a bug that is planted in every node is found: a leader that commits what it alone has',
  async () => {
    const cluster = await ClusterUnderTest.start({ plantedBug: 'high-watermark-of-the-leader-alone' })
    try {
      const workload = await Workload.start(cluster, { java: false })
      await leaderAhead.run(cluster, workload, 1)
      const kinds = (await workload.check()).map(({ kind }) => kind)
      expect(['inconsistent-offset', 'lost-write']).toContain(kinds[0])
      await workload.stop()
    } finally {
      await cluster.close()
    }
  },
  timeoutMs,
)

// A small disk takes a mount, and that takes root.
describe.runIf(process.getuid?.() === 0 || process.env['CI'])('three nodes, one of them on a small disk', () => {
  beforeAll(async () => {
    cluster = await ClusterUnderTest.start({ smallDisks: { nodes: [3], mebibytes: smallDiskMebibytes } })
    workload = await Workload.start(cluster, { java: false })
  }, timeoutMs)
  afterAll(async () => {
    await workload?.stop()
    await cluster?.close()
  }, timeoutMs)

  it('disk full', () => suffers(diskFull(3)), timeoutMs)
})
