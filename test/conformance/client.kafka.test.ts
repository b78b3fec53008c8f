import { connect } from 'node:net'
import { clientSuite } from './client-suite.ts'

/** A running Apache Kafka; `MILLRACE_KAFKA_BOOTSTRAP` says where. Missing is a failure. */
async function startTarget() {
  const bootstrapServers = process.env['MILLRACE_KAFKA_BOOTSTRAP'] ?? '127.0.0.1:19092'
  const [host, port] = bootstrapServers.split(':') as [string, string]
  await new Promise<void>((resolve, reject) => {
    const socket = connect(Number(port), host, () => {
      socket.destroy()
      resolve()
    })
    socket.on('error', error =>
      reject(new Error(`no Apache Kafka at ${bootstrapServers}: start one, or set MILLRACE_KAFKA_BOOTSTRAP`, { cause: error })),
    )
  })
  return { bootstrapServers, stop: async () => {} }
}

clientSuite('Apache Kafka', startTarget)
