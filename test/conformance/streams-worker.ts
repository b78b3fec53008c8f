import { flightsPipeline } from './streams-pipeline.ts'

/** An instance of the pipeline in a process of its own, to be killed: `node streams-worker.ts PREFIX BOOTSTRAP STATE_DIRECTORY [INSTANCE]`. Tells its counts on stdout. */
const [prefix, bootstrapServers, stateDirectory, groupInstanceId] = process.argv.slice(2) as [string, string, string, string?]
const app = flightsPipeline(prefix, {
  bootstrapServers,
  stateDirectory,
  commitIntervalMs: 100,
  consumer: { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 500, ...(groupInstanceId && { groupInstanceId }) },
})
await app.start()
const tell = () => process.stdout.write(`${JSON.stringify(app.metrics())}\n`)
tell()
const timer = setInterval(tell, 50)
process.once('SIGTERM', async () => {
  clearInterval(timer)
  await app.close()
})
