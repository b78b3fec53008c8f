import { type MetadataRecord, noLeader, partitionChange } from './metadata-record.ts'
import type { PartitionImage } from './partition-image.ts'

export interface ElectionOptions {
  readonly topicId: string
  readonly partitionId: number
  /** The in-sync replicas that are to be; the present ones when left out. */
  readonly isr?: readonly number[]
  /** May lead: registered, unfenced, not shutting down. */
  readonly canLead: (brokerId: number) => boolean
  readonly minInsyncReplicas: number
  /** A replica out of sync may lead when nobody else can. */
  readonly unclean: boolean
  /** Replicas that went down without a clean shutdown: they may have lost what they had confirmed. */
  readonly uncleanShutdown?: readonly number[]
}

/**
 * Who leads a partition after its in-sync set or its brokers changed: first of the replicas in sync, then an eligible leader replica
 * (KIP-966), then the last known leader, then, where allowed, any. `null` when nothing changes.
 */
export function electLeader(partition: PartitionImage, options: ElectionOptions): MetadataRecord | null {
  const { replicas } = partition
  let isr = options.isr ?? partition.isr
  let { elr, lastKnownElr } = eligibleReplicas(partition, isr, options)
  const { leader, unclean } = choose(partition, isr, elr, lastKnownElr, options)
  let recovery = partition.leaderRecoveryState
  if (leader !== noLeader && !isr.includes(leader)) {
    isr = [leader]
    if (unclean) recovery = 1
    const enough = isr.length >= Math.min(options.minInsyncReplicas, replicas.length)
    elr = unclean || enough ? [] : elr.filter(id => id !== leader)
    lastKnownElr = unclean || enough ? [] : lastKnownElr.filter(id => id !== leader)
  }
  // With nobody in sync, whoever led last is the one to come back first.
  if (isr.length === 0 && partition.leader !== noLeader) lastKnownElr = [partition.leader]
  const changes = {
    ...(leader !== partition.leader ? { leader } : {}),
    ...(same(isr, partition.isr) ? {} : { isr }),
    ...(same(elr, partition.eligibleLeaderReplicas) ? {} : { eligibleLeaderReplicas: elr }),
    ...(same(lastKnownElr, partition.lastKnownEligibleLeaderReplicas) ? {} : { lastKnownElr }),
    ...(recovery === partition.leaderRecoveryState ? {} : { leaderRecoveryState: recovery }),
  }
  if (Object.keys(changes).length === 0) return null
  return partitionChange({ topicId: options.topicId, partitionId: options.partitionId, ...changes })
}

/** Replicas that left the in-sync set while it was too small to commit anything without them still have all that is committed. */
function eligibleReplicas(partition: PartitionImage, isr: readonly number[], options: ElectionOptions) {
  if (isr.length >= Math.min(options.minInsyncReplicas, partition.replicas.length)) return { elr: [], lastKnownElr: [] }
  const candidates = new Set([...partition.eligibleLeaderReplicas, ...partition.isr])
  const elr = [...candidates].filter(id => !isr.includes(id) && !options.uncleanShutdown?.includes(id))
  for (const id of partition.lastKnownEligibleLeaderReplicas) candidates.add(id)
  return { elr, lastKnownElr: [...candidates].filter(id => !isr.includes(id) && !elr.includes(id)) }
}

function choose(
  partition: PartitionImage,
  isr: readonly number[],
  elr: readonly number[],
  lastKnownElr: readonly number[],
  { canLead, unclean }: ElectionOptions,
): { leader: number; unclean: boolean } {
  const mayLead = (id: number) => (isr.includes(id) || elr.includes(id)) && canLead(id)
  if (isr.includes(partition.leader) && canLead(partition.leader)) return { leader: partition.leader, unclean: false }
  const inSync = partition.replicas.find(id => isr.includes(id) && canLead(id)) ?? partition.replicas.find(mayLead)
  if (inSync !== undefined) return { leader: inSync, unclean: false }
  const [last] = lastKnownElr
  if (isr.length === 0 && elr.length === 0 && lastKnownElr.length === 1 && canLead(last!)) return { leader: last!, unclean: true }
  const any = unclean ? partition.replicas.find(canLead) : undefined
  return any === undefined ? { leader: noLeader, unclean: false } : { leader: any, unclean: true }
}

function same(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, index) => id === b[index])
}
