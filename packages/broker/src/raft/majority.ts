/** More than half of the voters, whoever else is in the set. */
export function isMajority(voters: readonly { readonly id: number }[], ids: ReadonlySet<number>): boolean {
  let count = 0
  for (const { id } of voters) if (ids.has(id)) count++
  return count > voters.length / 2
}

/** The greatest offset up to which a majority of the voters is durable; -1 when that is not known. */
export function committedOffset(voters: readonly { readonly id: number }[], durableUpTo: ReadonlyMap<number, number>): number {
  const offsets = voters.map(({ id }) => durableUpTo.get(id) ?? -1).sort((a, b) => b - a)
  return offsets[Math.floor(voters.length / 2)] ?? -1
}
