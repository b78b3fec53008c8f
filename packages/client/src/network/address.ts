import { type Address, ConfigError } from '@millrace/runtime'

/**
 * Reads `bootstrapServers`: `host:port` entries as a list or separated by commas, IPv6 hosts in brackets (`[::1]:9092`).
 * Throws a ConfigError that names the entry.
 */
export function parseBootstrapServers(servers: string | readonly string[]): Address[] {
  const entries = (typeof servers === 'string' ? servers.split(',') : [...servers])
    .map(entry => entry.trim())
    .filter(entry => entry !== '')
  if (entries.length === 0)
    throw new ConfigError('Missing required configuration bootstrap.servers', 'give at least one host:port')
  return entries.map(parseAddress)
}

function parseAddress(entry: string): Address {
  // A listener prefix such as PLAINTEXT:// is what people paste from a broker's configuration.
  const text = entry.replace(/^[A-Za-z_]+:\/\//, '')
  const match = /^(?:\[([0-9a-fA-F:.%a-z]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (!match || port < 1 || port > 65_535)
    throw new ConfigError(
      `Invalid value ${entry} for configuration bootstrap.servers: must be host:port`,
      'write an IPv6 address as [::1]:9092',
    )
  return { host: (match[1] ?? match[2])!, port }
}
