import { Producer } from '@millrace/client'
import type { ClusterProcesses } from './cluster-processes.ts'

const sendEveryMs = 2
const steadyMs = 1500
const topic = 'failover'

/**
 * How long nothing is acknowledged (acks=all) after a kill -9, by our producer: that of the partition's leader, which is not the active controller, and that of the active
 * controller, which is not the partition's leader but holds a replica of it.
 */
export async function measureFailover(cluster: ClusterProcesses, victim: 'leader' | 'controller'): Promise<number> {
  const { admin } = cluster
  const known = new Set((await admin.listTopics()).map(each => each.topic))
  const name = `${topic}-${victim}-${known.size}`
  const controller = (await admin.describeQuorum()).leaderId
  // As many partitions as nodes: one of them is led by whom we want.
  await cluster.createTopic(name, cluster.nodeIds.length)
  const [described] = await admin.describeTopics([name])
  const { partition, leader } = described!.partitions.find(each => each.leader !== controller)!
  const killed = victim === 'leader' ? leader : controller
  const silence = new Silence()
  const producer = new Producer({ bootstrapServers: cluster.bootstrap, clientId: 'failover', lingerMs: 0 })
  let isOver = false
  const failures: unknown[] = []
  const sending = (async () => {
    while (!isOver) {
      producer.send({ topic: name, partition, value: 'x' }).then(
        () => silence.acknowledged(),
        error => failures.push(error),
      )
      await new Promise(resolve => setTimeout(resolve, sendEveryMs))
    }
  })()
  await new Promise(resolve => setTimeout(resolve, steadyMs))
  silence.begin()
  await cluster.kill(killed, 'SIGKILL')
  await silence.isOver()
  isOver = true
  await sending
  await producer.close()
  if (failures.length > 0) throw new Error(`${failures.length} records failed: ${failures[0]}`)
  cluster.launch(killed)
  await cluster.allServe()
  await cluster.allInSync([name])
  return silence.longestMs
}

/** The longest time between two acknowledgements. */
class Silence {
  longestMs = 0
  #lastMs = performance.now()

  begin(): void {
    this.longestMs = 0
  }

  acknowledged(): void {
    const nowMs = performance.now()
    this.longestMs = Math.max(this.longestMs, nowMs - this.#lastMs)
    this.#lastMs = nowMs
  }

  /** Acknowledgements come again, and have for a while: longer than a follower that is gone may hold them up once more. */
  async isOver(): Promise<void> {
    const settledMs = 15_000
    for (
      const startedMs = performance.now();
      performance.now() - startedMs < settledMs || performance.now() - this.#lastMs > steadyMs;
    )
      await new Promise(resolve => setTimeout(resolve, 50))
  }
}
