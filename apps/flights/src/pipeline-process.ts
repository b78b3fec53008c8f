import { Admin } from '@millrace/client'
import { Streams } from '@millrace/streams'
import { serveParent } from './child-process.ts'
import { jobSerdes } from './job-serdes.ts'
import { applicationId, topics } from './topics.ts'
import { defineTopology } from './topology.ts'

export interface PipelineReady {
  /** Flights that earlier runs have finished. */
  readonly resumedAt: number
  /** Changes read from changelogs, because the state on disk was behind them or missing. */
  readonly restored: number
}

/** The pipeline in a process of its own. Arguments: bootstrap servers, registry URL, folder of its state. */
const commitIntervalMs = 1000

await serveParent<PipelineReady>(async () => {
  const [bootstrapServers, registryUrl, stateDirectory] = process.argv.slice(2) as [string, string, string]
  const app = new Streams({
    applicationId,
    bootstrapServers,
    stateDirectory,
    commitIntervalMs,
    // A static member (KIP-345): started again after a crash, it takes its own place, instead of waiting until that one's session is over.
    consumer: { groupInstanceId: applicationId },
  })
  defineTopology(app, jobSerdes(registryUrl))
  const resumedAt = await committedFlights(bootstrapServers)
  await app.start()
  app.done.catch((error: Error) => {
    console.error(`The pipeline failed: ${error.message}`)
    process.exit(1)
  })
  return { ready: { resumedAt, restored: app.metrics().restored }, close: () => app.close() }
})

async function committedFlights(bootstrapServers: string): Promise<number> {
  const admin = new Admin({ bootstrapServers, clientId: applicationId })
  try {
    const committed = await admin.fetchOffsets(applicationId)
    return committed.reduce((sum, { topic, offset }) => (topic === topics.flights ? sum + offset : sum), 0)
  } finally {
    await admin.close()
  }
}
