import { ConfigError, type ConfigSet } from '@millrace/runtime'
import { listenerKeys as keys } from './listener-keys.ts'
import { type Roles, readRoles } from './roles.ts'

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

/** The listeners of a server.properties, checked against one another and against the roles of the node. Throws a ConfigError. */
export function readListeners(config: ConfigSet): ListenerConfig[] {
  const bound = parseAddresses(keys.listeners.name, config.get(keys.listeners)!)
  const advertised = parseAddresses(keys.advertisedListeners.name, config.get(keys.advertisedListeners) ?? [])
  const controllerNames = controllerListenerNames(config)
  const roles = readRoles(config)
  const protocolOf = readProtocols(config)
  if (controllerNames.length === 0)
    throw new ConfigError('controller.listener.names is empty', 'name the listener of the controllers, such as CONTROLLER')
  for (const name of controllerNames) protocolOf(name)
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
  checkRoles(listeners, roles)
  if (roles.isBroker) checkInterBroker(config, listeners)
  return listeners
}

function checkRoles(listeners: readonly ListenerConfig[], { isBroker, isController }: Roles): void {
  const controllers = listeners.filter(listener => listener.isController).map(listener => listener.name)
  const clients = listeners.filter(listener => !listener.isController).map(listener => listener.name)
  if (isController && controllers.length === 0)
    throw new ConfigError('listeners names none of controller.listener.names', 'add one, such as CONTROLLER://:9093')
  if (!isController && controllers.length > 0)
    throw new ConfigError(
      `listeners names ${controllers.join(', ')} of controller.listener.names, and process.roles is broker alone`,
      'leave it out: controllers listen there',
    )
  if (isBroker && clients.length === 0)
    throw new ConfigError('listeners names controller listeners alone', 'add one for clients, such as PLAINTEXT://:9092')
  if (!isBroker && clients.length > 0)
    throw new ConfigError(
      `listeners names ${clients.join(', ')}, which is none of controller.listener.names, and process.roles is controller alone`,
      'leave it out: brokers listen there',
    )
}

/** Names of the listeners that belong to controllers, here and on every other node; voters are reached under the first. */
export function controllerListenerNames(config: ConfigSet): string[] {
  return config.get(keys.controllerListenerNames)!.map(name => name.toUpperCase())
}

/** Name of the listener that brokers use among themselves. */
export function interBrokerListenerName(config: ConfigSet): string {
  return (config.get(keys.interBrokerListenerName) ?? config.get(keys.securityInterBrokerProtocol)!).toUpperCase()
}

function checkInterBroker(config: ConfigSet, listeners: readonly ListenerConfig[]): void {
  const clients = listeners.filter(listener => !listener.isController).map(listener => listener.name)
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

function readProtocols(config: ConfigSet): (listener: string) => number {
  const byName = new Map<string, string>()
  // As in Apache Kafka: without a map of one's own the controllers speak PLAINTEXT.
  if (config.given(keys.listenerSecurityProtocolMap.name) === undefined)
    for (const name of controllerListenerNames(config)) byName.set(name, 'PLAINTEXT')
  for (const entry of config
    .get(keys.listenerSecurityProtocolMap)!
    .split(',')
    .map(member => member.trim())) {
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
