/** Where somebody listens. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** `host:port`, an IPv6 host in brackets. */
export function formatAddress({ host, port }: Address): string {
  return `${bracketed(host)}:${port}`
}

/** The host as it stands before a port: an IPv6 one in brackets. */
export function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

export function sameAddress(one: Address, other: Address): boolean {
  return one.host === other.host && one.port === other.port
}
