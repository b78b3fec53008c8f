import { Streams } from '@millrace/streams'
import { serveParent } from './child-process.ts'
import { jobSerdes } from './job-serdes.ts'
import { applicationId } from './topics.ts'
import { defineTopology } from './topology.ts'

/** The pipeline in a process of its own. Arguments: bootstrap servers, registry URL, folder of its state. */
const commitIntervalMs = 1000

await serveParent(async () => {
  const [bootstrapServers, registryUrl, stateDirectory] = process.argv.slice(2) as [string, string, string]
  const app = new Streams({ applicationId, bootstrapServers, stateDirectory, commitIntervalMs })
  defineTopology(app, jobSerdes(registryUrl))
  await app.start()
  app.done.catch((error: Error) => {
    console.error(`The pipeline failed: ${error.message}`)
    process.exit(1)
  })
  return { ready: null, close: () => app.close() }
})
