import { startCluster } from '@millrace/testkit'
import { streamsSuite } from './streams-suite.ts'

streamsSuite('Millrace', async () => {
  const cluster = await startCluster()
  return { bootstrapServers: cluster.bootstrapServers, stop: () => cluster.close() }
})
