import type { PartitionImage } from './partition-image.ts'

/** The replica lists of a partition on its way from one assignment to another (KIP-455). */
export interface ReassignmentLists {
  /** Those that shall stay first, then those that go. */
  readonly replicas: readonly number[]
  readonly addingReplicas: readonly number[]
  readonly removingReplicas: readonly number[]
}

/** A partition that is getting or losing replicas. */
export function isReassigning(partition: Pick<PartitionImage, 'addingReplicas' | 'removingReplicas'>): boolean {
  return partition.addingReplicas.length + partition.removingReplicas.length > 0
}

/** The lists that lead from the present replicas to `target`. */
export function reassignTo(present: readonly number[], target: readonly number[]): ReassignmentLists {
  const removingReplicas = present.filter(id => !target.includes(id)).sort((a, b) => a - b)
  const addingReplicas = target.filter(id => !present.includes(id)).sort((a, b) => a - b)
  return { replicas: [...target, ...removingReplicas], addingReplicas, removingReplicas }
}

/** What remains once all replicas that stay are in sync; null while they are not. */
export function completedReassignment(
  { replicas, addingReplicas, removingReplicas }: ReassignmentLists,
  isr: readonly number[],
): { readonly replicas: readonly number[]; readonly isr: readonly number[] } | null {
  if (!isReassigning({ addingReplicas, removingReplicas })) return null
  const staying = replicas.filter(id => !removingReplicas.includes(id))
  const inSync = isr.filter(id => !removingReplicas.includes(id))
  if (staying.length === 0 || !staying.every(id => inSync.includes(id))) return null
  return { replicas: staying, isr: inSync }
}
