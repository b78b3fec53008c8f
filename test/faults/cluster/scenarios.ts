import { closeSync, openSync, readdirSync, statSync, truncateSync, unlinkSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { ClusterUnderTest } from './cluster-under-test.ts'
import type { LinkFault } from './fault-links.ts'
import { topics, type Workload } from './workload.ts'

/** What is done to a cluster under load. */
export interface Scenario {
  readonly name: string
  /** Makes faults for about `seconds` and heals them; the cluster is whole or becomes so by itself afterwards. */
  run(cluster: ClusterUnderTest, workload: Workload, seconds: number): Promise<void>
}

const downMs = 1500
/** Longer than `broker.session.timeout.ms` of the rig. */
const pauseMs = 4500
const internalTopics = ['__consumer_offsets']

/** Everything is in sync again and producers come on. */
export async function recovered(cluster: ClusterUnderTest, workload: Workload): Promise<void> {
  await cluster.allInSync([...topics, ...internalTopics])
  await workload.progress()
}

/** Kills the node that `victim` names, heals what it has done to the links for that, and starts the node again, until the time is over. */
async function killAgainAndAgain(
  cluster: ClusterUnderTest,
  workload: Workload,
  seconds: number,
  victim: () => Promise<number | null>,
): Promise<void> {
  await repeatedly(seconds, async () => {
    const nodeId = await victim()
    if (nodeId !== null) await cluster.signal(nodeId, 'SIGKILL')
    cluster.links.heal()
    if (nodeId === null) return
    await sleep(downMs)
    // The others go on without it.
    await workload.progress()
    cluster.launch(nodeId)
    // A second one may only go when the first is back: two of three must be in sync.
    await recovered(cluster, workload)
  })
}

/** The leader has more than the others when it falls. */
export const leaderAhead: Scenario = {
  name: 'kill leader ahead of the others',
  run: (cluster, workload, seconds) =>
    killAgainAndAgain(cluster, workload, seconds, async () => {
      betweenAll(cluster, { delayMs: 200 })
      await workload.progress()
      return cluster.leaderOf(topics[0], 0)
    }),
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'kill leader',
    run: (cluster, workload, seconds) => {
      let partition = 0
      return killAgainAndAgain(cluster, workload, seconds, () => cluster.leaderOf(topics[0], partition++ % 3))
    },
  },
  leaderAhead,
  {
    name: 'kill controller',
    run: (cluster, workload, seconds) => killAgainAndAgain(cluster, workload, seconds, () => cluster.controller()),
  },
  {
    name: 'pause',
    run: (cluster, workload, seconds) =>
      repeatedly(seconds, async () => {
        const nodeId = await cluster.leaderOf(topics[0], 0)
        if (nodeId === null) return
        await cluster.signal(nodeId, 'SIGSTOP')
        await sleep(pauseMs)
        await workload.progress()
        // It wakes as the leader that it no longer is.
        await cluster.signal(nodeId, 'SIGCONT')
        await recovered(cluster, workload)
      }),
  },
  {
    name: 'isolate',
    run: (cluster, workload, seconds) => {
      let turn = 0
      return repeatedly(seconds, async () => {
        const nodeId = await cluster.leaderOf(topics[0], 0)
        if (nodeId === null) return
        const others = cluster.nodes.map(node => node.nodeId).filter(id => id !== nodeId)
        // By turns: both directions, only what it sends, only what it gets. Clients reach it all the time.
        const direction = turn++ % 3
        for (const other of others) {
          if (direction !== 2) cluster.links.set(nodeId, other, { cut: true })
          if (direction !== 1) cluster.links.set(other, nodeId, { cut: true })
        }
        await sleep(pauseMs)
        await workload.progress()
        cluster.links.heal()
        await recovered(cluster, workload)
      })
    },
  },
  {
    name: 'bridge',
    run: (cluster, workload, seconds) => {
      let turn = 0
      return repeatedly(seconds, async () => {
        // Two nodes do not see one another, the third sees both.
        const ids = cluster.nodes.map(node => node.nodeId)
        const bridge = ids[turn++ % ids.length]!
        const [a, b] = ids.filter(id => id !== bridge) as [number, number]
        cluster.links.between(a, b, { cut: true })
        await sleep(pauseMs)
        await workload.progress()
        cluster.links.heal()
        await recovered(cluster, workload)
      })
    },
  },
  {
    name: 'slow and reset links',
    run: async (cluster, workload, seconds) => {
      const ids = cluster.nodes.map(node => node.nodeId)
      betweenAll(cluster, { delayMs: 20, bytesPerSecond: 2_000_000 })
      await repeatedly(seconds, async () => {
        for (const a of ids) for (const b of ids) if (a < b) cluster.links.reset(a, b)
        for (const a of ids) cluster.links.reset(a, 'client')
        await sleep(downMs)
        await workload.progress()
      })
      cluster.links.heal()
      await recovered(cluster, workload)
    },
  },
  {
    name: 'tail truncation',
    run: (cluster, workload, seconds) => {
      let turn = 0
      return repeatedly(seconds, async () => {
        const nodeId = cluster.nodes[turn % cluster.nodes.length]!.nodeId
        await cluster.signal(nodeId, 'SIGKILL')
        // By turns: the end of each log is missing, or it is garbage.
        damageTails(cluster.dataDirectory(nodeId), turn++ % 2 === 0 ? 'missing' : 'garbage')
        await workload.progress()
        cluster.launch(nodeId)
        await recovered(cluster, workload)
      })
    },
  },
]

/** The disk of the node is full: its log directory fails, others lead, and after it has space it comes back. Needs a small disk below that node's data. */
export function diskFull(nodeId: number): Scenario {
  return {
    name: 'disk full',
    run: (cluster, workload, seconds) =>
      repeatedly(seconds, async () => {
        const filler = join(cluster.dataDirectory(nodeId), 'filler')
        fill(filler)
        await sleep(downMs)
        await workload.progress()
        unlinkSync(filler)
        // Kafka too wants a restart of a broker whose directory has failed.
        if (cluster.isRunning(nodeId)) await cluster.signal(nodeId, 'SIGTERM')
        cluster.launch(nodeId)
        await recovered(cluster, workload)
      }),
  }
}

/** Cuts or spoils the last part of the newest segment of every partition of the workload. */
function damageTails(dataDirectory: string, how: 'missing' | 'garbage'): void {
  const lostBytes = 700
  for (const directory of readdirSync(dataDirectory).filter(name =>
    topics.some(topic => new RegExp(`^${topic}-\\d+$`).test(name)),
  )) {
    const segment = readdirSync(join(dataDirectory, directory))
      .filter(name => name.endsWith('.log'))
      .sort()
      .at(-1)!
    const path = join(dataDirectory, directory, segment)
    const keptBytes = Math.max(0, statSync(path).size - lostBytes)
    if (how === 'missing') truncateSync(path, keptBytes)
    else {
      const handle = openSync(path, 'r+')
      writeSync(handle, Buffer.alloc(statSync(path).size - keptBytes, 0xa5), 0, undefined, keptBytes)
      closeSync(handle)
    }
  }
}

/** Writes until the disk has no space. */
function fill(path: string): void {
  for (let bytes = 2 ** 20; bytes >= 1; bytes = Math.floor(bytes / 2)) {
    const chunk = Buffer.alloc(bytes)
    try {
      for (;;) writeFileSync(path, chunk, { flag: 'a' })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    }
  }
}

/** The same fault on every link between nodes, in both directions. */
function betweenAll({ nodes, links }: ClusterUnderTest, fault: LinkFault): void {
  for (const a of nodes) for (const b of nodes) if (a.nodeId < b.nodeId) links.between(a.nodeId, b.nodeId, fault)
}

async function repeatedly(seconds: number, round: () => Promise<void>): Promise<void> {
  const endMs = performance.now() + seconds * 1000
  do await round()
  while (performance.now() < endMs)
}

function sleep(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
