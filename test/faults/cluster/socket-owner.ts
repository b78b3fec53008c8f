import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** The process among `pids` that owns the other end of a connection on loopback; null: none of them, or it is closed already. Linux. */
export function ownerOfPeer(peerPort: number, ownPort: number, pids: Iterable<number>): number | null {
  const inode = inodeOf(peerPort, ownPort)
  if (inode === null) return null
  const wanted = `socket:[${inode}]`
  for (const pid of pids) if (holds(pid, wanted)) return pid
  return null
}

function inodeOf(localPort: number, remotePort: number): string | null {
  const [local, remote] = [hex(localPort), hex(remotePort)]
  for (const line of readFileSync('/proc/net/tcp', 'latin1').split('\n')) {
    const fields = line.trim().split(/\s+/)
    if (fields[1]?.endsWith(local) && fields[2]?.endsWith(remote)) return fields[9]!
  }
  return ipv6InodeOf(local, remote)
}

/** A JVM connects to 127.0.0.1 through a socket of both families. */
function ipv6InodeOf(local: string, remote: string): string | null {
  for (const line of readFileSync('/proc/net/tcp6', 'latin1').split('\n')) {
    const fields = line.trim().split(/\s+/)
    if (fields[1]?.endsWith(local) && fields[2]?.endsWith(remote)) return fields[9]!
  }
  return null
}

function hex(port: number): string {
  return `:${port.toString(16).toUpperCase().padStart(4, '0')}`
}

function holds(pid: number, wanted: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some(fd => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`) === wanted
      } catch {
        return false
      }
    })
  } catch {
    // It has ended.
    return false
  }
}
