/** Where a node listens. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** `host:port`, an IPv6 host in brackets. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

export function sameAddress(one: Address, other: Address): boolean {
  return one.host === other.host && one.port === other.port
}
