import type { PartitionImage } from './partition-image.ts'

/** The replica lists of a partition on its way from one assignment to another (KIP-455). */
export type ReassignmentLists = Pick<PartitionImage, 'replicas' | 'addingReplicas' | 'removingReplicas'>

/** A partition that is getting or losing replicas. */
export function isReassigning(partition: Pick<ReassignmentLists, 'addingReplicas' | 'removingReplicas'>): boolean {
  return partition.addingReplicas.length + partition.removingReplicas.length > 0
}

/** The lists that lead to `target`: its replicas first, then those that go. A replica that an earlier reassignment was adding still counts as added. */
export function reassignTo({ replicas, addingReplicas }: ReassignmentLists, target: readonly number[]): ReassignmentLists {
  const original = replicas.filter(id => !addingReplicas.includes(id))
  const removing = replicas.filter(id => !target.includes(id)).sort((a, b) => a - b)
  const adding = target.filter(id => !original.includes(id)).sort((a, b) => a - b)
  return { replicas: [...target, ...removing], addingReplicas: adding, removingReplicas: removing }
}

/** What the partition goes back to when its reassignment is cancelled. */
export function cancelled({ replicas, addingReplicas }: ReassignmentLists): ReassignmentLists {
  return { replicas: replicas.filter(id => !addingReplicas.includes(id)), addingReplicas: [], removingReplicas: [] }
}

/** Replicas that the partition has when its reassignment is done; those of now when there is none. */
export function replicasToBe({ replicas, removingReplicas }: ReassignmentLists): readonly number[] {
  return replicas.filter(id => !removingReplicas.includes(id))
}

/**
 * What remains once the added replicas are in sync; null while they are not. Where replicas become fewer, all that stay must be in sync, so that
 * no copy is given up for one that lags.
 */
export function completedReassignment(
  lists: ReassignmentLists,
  isr: readonly number[],
): { readonly replicas: readonly number[]; readonly isr: readonly number[] } | null {
  if (!isReassigning(lists)) return null
  const { addingReplicas, removingReplicas } = lists
  const staying = replicasToBe(lists)
  const inSync = isr.filter(id => !removingReplicas.includes(id))
  const awaited = addingReplicas.length < removingReplicas.length ? staying : addingReplicas
  if (staying.length === 0 || inSync.length === 0 || !awaited.every(id => inSync.includes(id))) return null
  return { replicas: staying, isr: inSync }
}
