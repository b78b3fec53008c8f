import { NetError, type World } from '@millrace/runtime'
import { type ClusterPorts, portsFrom } from './cluster-plan.ts'

/** Below the range from which systems take the ports of connections: what is free now is free at the next start. */
const [lowest, highest] = [20_000, 30_000]
const attempts = 200

/** Ports for a cluster, from a random first one, on which nobody listens. Rejects with a NetError when there are none. */
export async function freePorts({ net, random }: World, host: string, brokers: number): Promise<ClusterPorts> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const ports = portsFrom(lowest + random.below(highest - lowest), brokers)
    const all = [...ports.brokers, ...ports.controllers, ...(ports.http ?? [])]
    const bound = await Promise.allSettled(all.map(port => net.listen({ host, port }, socket => socket.destroy())))
    for (const each of bound) if (each.status === 'fulfilled') await each.value.close()
    if (bound.every(({ status }) => status === 'fulfilled')) return ports
  }
  throw new NetError('EADDRINUSE', `no free ports on ${host} for ${brokers} nodes`)
}
