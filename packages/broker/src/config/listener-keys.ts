import { declaring, unlimitedInt } from './declare.ts'

const { int, list, long, string } = declaring('broker')

/** Listeners and the limits of connections and requests. */
export const listenerKeys = {
  listeners: list(
    'listeners',
    ['PLAINTEXT://:9092'],
    'Addresses to listen on, as name://host:port; an empty host is every address.',
  ),
  advertisedListeners: list(
    'advertised.listeners',
    null,
    'Addresses that clients are told to use, as name://host:port; the listeners when not given.',
  ),
  listenerSecurityProtocolMap: string(
    'listener.security.protocol.map',
    'SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT',
    'Protocol of each listener name. PLAINTEXT is what this version serves.',
  ),
  controllerListenerNames: list('controller.listener.names', undefined, 'Names of the listeners that belong to the controller.'),
  interBrokerListenerName: string('inter.broker.listener.name', null, 'Listener that brokers use among themselves.'),
  securityInterBrokerProtocol: string(
    'security.inter.broker.protocol',
    'PLAINTEXT',
    'Names the listener among brokers when inter.broker.listener.name is not given.',
    { valid: ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'] },
  ),
  socketRequestMaxBytes: int('socket.request.max.bytes', 100 * 2 ** 20, 'Largest request; a larger one closes the connection.', {
    min: 1,
  }),
  connectionsMaxIdleMs: long('connections.max.idle.ms', 600_000, 'A connection without a request for so long is closed.'),
  maxConnections: int('max.connections', unlimitedInt, 'Most connections at a time.', { min: 0 }),
  maxConnectionsPerIp: int('max.connections.per.ip', unlimitedInt, 'Most connections at a time from one address.', { min: 0 }),
  fetchMaxBytes: int('fetch.max.bytes', 55 * 2 ** 20, 'Largest answer to a fetch, whatever the client allows.', { min: 1024 }),
  maxIncrementalFetchSessionCacheSlots: int('max.incremental.fetch.session.cache.slots', 1000, 'Fetch sessions kept.', {
    min: 0,
  }),
}
