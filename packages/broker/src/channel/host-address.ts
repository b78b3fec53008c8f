const ipv4Bytes = 4
const ipv6Groups = 8

/** A numeric host as its 4 or 16 bytes in network order; 0.0.0.0 for a name, which no socket has for its peer. */
export function hostBytes(host: string): Uint8Array {
  const mapped = /^(?:::ffff:)?(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/i.exec(host)
  if (mapped) return Uint8Array.from(mapped.slice(1), Number)
  const groups = ipv6GroupsOf(host.replace(/%.*$/, ''))
  return groups ? Uint8Array.from(groups.flatMap(group => [group >> 8, group & 0xff])) : new Uint8Array(ipv4Bytes)
}

/** The text of 4 or 16 bytes; null for another number. */
export function hostText(bytes: Uint8Array): string | null {
  if (bytes.length === ipv4Bytes) return bytes.join('.')
  if (bytes.length !== 2 * ipv6Groups) return null
  const groups = Array.from({ length: ipv6Groups }, (_, group) => (bytes[2 * group]! << 8) | bytes[2 * group + 1]!)
  return groups.map(group => group.toString(16)).join(':')
}

function ipv6GroupsOf(host: string): number[] | null {
  const halves = host.split('::')
  if (!host.includes(':') || halves.length > 2) return null
  const parse = (text: string | undefined) => (text ? text.split(':').map(group => Number.parseInt(group, 16)) : [])
  const [head, tail] = [parse(halves[0]), parse(halves[1])]
  const missing = ipv6Groups - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail]
  return groups.every(group => group >= 0 && group <= 0xffff) ? groups : null
}
