import type { ConfigSet } from '@millrace/runtime'
import { brokerKeys } from './config/broker-config.ts'
import type { ServerLimits } from './server.ts'

/** Answers that a peer may leave untaken before its next request waits. */
const maxBufferedResponseBytes = 1024 * 1024
/** Produce requests of one connection in progress at a time: clients keep five in flight. */
const maxPipelinedRequests = 64
/** Requests of all connections that are received and not answered; a largest request always fits beside the usual ones. */
const maxRequestBytesInFlight = 256 * 1024 * 1024

/** The limits of connections and requests: Kafka's keys, and bounds of ours where Kafka has none. */
export function serverLimits(config: ConfigSet): ServerLimits {
  const maxRequestBytes = config.get(brokerKeys.socketRequestMaxBytes)!
  return {
    maxRequestBytes,
    maxBufferedResponseBytes,
    maxPipelinedRequests,
    maxRequestBytesInFlight: Math.max(maxRequestBytesInFlight, maxRequestBytes),
    maxConnections: config.get(brokerKeys.maxConnections)!,
    maxConnectionsPerIp: config.get(brokerKeys.maxConnectionsPerIp)!,
    maxIdleMs: config.get(brokerKeys.connectionsMaxIdleMs)!,
  }
}
