import { ConfigError, type ConfigSet } from '@millrace/runtime'
import { listenerKeys as keys } from './listener-keys.ts'

export interface ListenerConfig {
  readonly name: string
  /** Address to bind; empty: every address. */
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** What clients (of a controller listener: other nodes) are told; `port` 0: the port that was bound. */
  readonly advertised: { readonly host: string; readonly port: number }
  /** 0 PLAINTEXT. */
  readonly securityProtocol: number
  readonly isController: boolean
}

const protocols = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL']
const everyAddress = new Set(['', '0.0.0.0', '::'])

/** The listeners of a server.properties, checked against one another. Throws a ConfigError. */
export function readListeners(config: ConfigSet): ListenerConfig[] {
  const bound = parseAddresses(keys.listeners.name, config.get(keys.listeners)!)
  const advertised = parseAddresses(keys.advertisedListeners.name, config.get(keys.advertisedListeners) ?? [])
  const controllerNames = config.get(keys.controllerListenerNames)!
  const protocolOf = readProtocols(config.get(keys.listenerSecurityProtocolMap)!)
  for (const name of advertised.keys())
    if (!bound.has(name)) throw new ConfigError(`advertised.listeners names ${name}, which listeners does not`)
  const listeners = [...bound].map(([name, { host, port }]) => {
    const own = advertised.get(name)
    if (own && everyAddress.has(own.host))
      throw new ConfigError(`advertised.listeners must name an address that clients can reach: ${name} has "${own.host}"`)
    return {
      name,
      host,
      port,
      advertised: own ?? { host: everyAddress.has(host) ? 'localhost' : host, port },
      securityProtocol: protocolOf(name),
      isController: controllerNames.includes(name),
    }
  })
  checkInterBroker(config, listeners)
  return listeners
}

/** Name of the listener that brokers use among themselves. */
export function interBrokerListenerName(config: ConfigSet): string {
  return (config.get(keys.interBrokerListenerName) ?? config.get(keys.securityInterBrokerProtocol)!).toUpperCase()
}

function checkInterBroker(config: ConfigSet, listeners: readonly ListenerConfig[]): void {
  const clients = listeners.filter(listener => !listener.isController).map(listener => listener.name)
  if (clients.length === 0)
    throw new ConfigError('listeners names controller listeners alone', 'add one for clients, such as PLAINTEXT://:9092')
  const given = config.get(keys.interBrokerListenerName)
  if (given !== null && config.given(keys.securityInterBrokerProtocol.name) !== undefined)
    throw new ConfigError('Only one of inter.broker.listener.name and security.inter.broker.protocol may be given')
  const name = interBrokerListenerName(config)
  if (!clients.includes(name))
    throw new ConfigError(
      `The listener among brokers, ${name}, is none of the client listeners ${clients.join(', ')}`,
      'set inter.broker.listener.name',
    )
}

function readProtocols(map: string): (listener: string) => number {
  const byName = new Map<string, string>()
  for (const entry of map.split(',').map(member => member.trim())) {
    const [name, protocol, rest] = entry.split(':')
    if (!name || !protocol || rest !== undefined || !protocols.includes(protocol))
      throw new ConfigError(
        `Invalid value ${entry} in configuration listener.security.protocol.map: must be NAME:${protocols.join('|')}`,
      )
    byName.set(name.toUpperCase(), protocol)
  }
  return listener => {
    const protocol = byName.get(listener)
    if (protocol === undefined)
      throw new ConfigError(
        `No security protocol is given for the listener ${listener}`,
        'add it to listener.security.protocol.map',
      )
    if (protocol !== 'PLAINTEXT')
      throw new ConfigError(`The listener ${listener} asks for ${protocol}, and this version serves PLAINTEXT listeners alone`)
    return protocols.indexOf(protocol)
  }
}

function parseAddresses(key: string, texts: readonly string[]): Map<string, { host: string; port: number }> {
  const addresses = new Map<string, { host: string; port: number }>()
  for (const text of texts) {
    const match = /^([A-Za-z0-9_.-]+):\/\/(?:\[([0-9A-Fa-f:.%]*)\]|([^:[\]/]*)):(\d{1,5})$/.exec(text)
    const port = Number(match?.[4])
    if (!match || port > 65_535) throw new ConfigError(`Invalid value ${text} for configuration ${key}: must be name://host:port`)
    const name = match[1]!.toUpperCase()
    if (addresses.has(name))
      throw new ConfigError(`Invalid value for configuration ${key}: the listener name ${name} appears twice`)
    const taken = port !== 0 && [...addresses.values()].some(other => other.port === port)
    if (taken && key === keys.listeners.name)
      throw new ConfigError(`Invalid value for configuration ${key}: the port ${port} appears twice`)
    addresses.set(name, { host: match[2] ?? match[3]!, port })
  }
  return addresses
}
