/** The replica's broker has not said yet in which directory it keeps it. */
export const unassignedDirectory = 'AAAAAAAAAAAAAAAAAAAAAA'
/** The replica was there before directories were told, and its broker will tell. */
export const migratingDirectory = 'AAAAAAAAAAAAAAAAAAAAAQ'
/** The replica is in a directory that its broker no longer has. */
export const lostDirectory = 'AAAAAAAAAAAAAAAAAAAAAg'

/** The first hundred ids stand for something else than a directory (KIP-858). */
export function isReservedDirectory(id: string): boolean {
  if (!id.startsWith('AAAAAAAAAAAAAAAAAAA')) return false
  return Buffer.from(id, 'base64url').readUInt8(15) < 100
}

/** Whether a replica in that directory can be reached, given the directories that its broker has online. */
export function isDirectoryOnline(id: string, online: readonly string[]): boolean {
  if (id === unassignedDirectory || id === migratingDirectory) return true
  if (id === lostDirectory) return false
  // A broker that registered before directories were told has none listed, and would have stopped with its last one.
  return online.length === 0 || online.includes(id)
}
