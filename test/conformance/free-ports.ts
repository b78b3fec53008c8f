import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

/** Below those that systems give to whoever connects: what is free now is free when the node starts, and when it starts again. */
const [lowest, highest] = [20_000, 30_000]

/** Different ports of 127.0.0.1 that nobody listens on at this moment: for programs whose ports must be known before they start. */
export async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = []
  while (servers.length < count) {
    const server = createServer()
    const port = lowest + Math.floor(Math.random() * (highest - lowest))
    const isFree = await Promise.race([
      once(server.listen(port, '127.0.0.1'), 'listening').then(() => true),
      once(server, 'error').then(() => false),
    ]).catch(() => false)
    if (isFree) servers.push(server)
  }
  const ports = servers.map(server => (server.address() as { port: number }).port)
  await Promise.all(servers.map(server => once(server.close(), 'close')))
  return ports
}
