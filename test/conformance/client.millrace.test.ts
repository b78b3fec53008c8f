import { startCluster } from '@millrace/testkit'
import { clientSuite } from './client-suite.ts'

clientSuite('Millrace', async () => {
  const cluster = await startCluster()
  return { bootstrapServers: cluster.bootstrapServers, stop: () => cluster.close() }
})
