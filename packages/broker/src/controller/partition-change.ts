import type { PartitionChangeRecord } from '@millrace/protocol'
import { unassignedDirectory } from './directory-id.ts'
import { noChange, noLeader, type PartitionChange, partitionChange } from './metadata-record.ts'
import { MetadataVersion } from './metadata-version.ts'
import type { PartitionImage } from './partition-image.ts'
import { completedReassignment } from './reassignment-state.ts'

/** How far an election may go: `preferred` puts the first replica in front, `unclean` takes one that is not in sync when nobody else is there. */
export type Election = 'online' | 'preferred' | 'unclean'

/** What holds for every change of a topic's partitions. */
export interface PartitionRules {
  /** Replicas in sync that an acknowledged record needs; more than there are replicas counts as all of them. */
  readonly minInsyncReplicas: number
  /** Eligible leader replicas are kept (KIP-966). Without them the last one in sync stays in the set even when it is gone. */
  readonly eligibleReplicas: boolean
  readonly metadataVersion: number
}

/** What a partition is to become; a list that is left out stays as it is. */
export interface PartitionTarget {
  readonly topicId: string
  readonly partitionId: number
  readonly isr?: readonly number[]
  readonly replicas?: readonly number[]
  readonly addingReplicas?: readonly number[]
  readonly removingReplicas?: readonly number[]
  readonly leaderRecoveryState?: number
  /** May lead: registered, unfenced, not shutting down, its directory online. */
  readonly canLead: (brokerId: number) => boolean
  /** Default: `online`. */
  readonly election?: Election
  /** Replicas that went down without a clean shutdown: they may have lost what they had confirmed. */
  readonly uncleanShutdown?: readonly number[]
  /** Directories of replicas that get a new one; the others keep theirs, and new replicas have the one that `newDirectory` names. */
  readonly directories?: ReadonlyMap<number, string>
  readonly newDirectory?: (brokerId: number) => string
}

interface Draft {
  isr: readonly number[]
  replicas: readonly number[]
  addingReplicas: readonly number[]
  removingReplicas: readonly number[]
  elr: readonly number[]
}

/**
 * The record that makes a partition what it is to become, with all that follows from it: a reassignment whose replicas are in sync ends, who
 * left a set that is too small stays eligible, and a leader is elected when the present one cannot stay. First of the replicas in sync, then,
 * with none in sync, an eligible leader replica, then the last known leader, then, where allowed, any. `null` when nothing changes.
 */
export function changePartition(
  partition: PartitionImage,
  target: PartitionTarget,
  rules: PartitionRules,
): PartitionChange | null {
  const draft: Draft = {
    isr: target.isr ?? partition.isr,
    replicas: target.replicas ?? partition.replicas,
    addingReplicas: target.addingReplicas ?? partition.addingReplicas,
    removingReplicas: target.removingReplicas ?? partition.removingReplicas,
    elr: [],
  }
  const completed = completedReassignment(draft, draft.isr)
  if (completed) Object.assign(draft, completed, { addingReplicas: [], removingReplicas: [] })
  const enough = (isr: readonly number[]) => isr.length >= Math.min(rules.minInsyncReplicas, draft.replicas.length)
  // Those that are there when the feature is turned off stay eligible until somebody is in sync.
  if (rules.eligibleReplicas ? !enough(draft.isr) : partition.isr.length === 0)
    draft.elr = eligibleReplicas(partition, draft, target.uncleanShutdown)

  const elected = elect(partition, draft, target, rules)
  let recovery = target.leaderRecoveryState ?? partition.leaderRecoveryState
  let leader = elected.leader === partition.leader ? noChange : elected.leader
  if (elected.leader !== noLeader && !draft.isr.includes(elected.leader)) {
    draft.isr = [elected.leader]
    draft.elr = elected.unclean || enough(draft.isr) ? [] : draft.elr.filter(id => id !== elected.leader)
    if (elected.unclean) recovery = 1
  }
  // Without eligible replicas the last one in sync is all that tells who has the records.
  if (draft.isr.length === 0 && !rules.eligibleReplicas) draft.isr = partition.isr
  if (leader === noChange && beginsEpoch(partition, draft, rules)) leader = partition.leader

  const record = partitionChange({ topicId: target.topicId, partitionId: target.partitionId, leader })
  const change: Mutable<PartitionChangeRecord> = record.value
  if (differs(draft.isr, partition.isr)) change.isr = draft.isr
  if (differs(draft.replicas, partition.replicas)) change.replicas = draft.replicas
  if (differs(draft.addingReplicas, partition.addingReplicas)) change.addingReplicas = draft.addingReplicas
  if (differs(draft.removingReplicas, partition.removingReplicas)) change.removingReplicas = draft.removingReplicas
  if (differs(draft.elr, partition.eligibleLeaderReplicas)) change.eligibleLeaderReplicas = draft.elr
  const lastKnown = lastKnownLeader(partition, draft, elected.leader, rules)
  if (differs(lastKnown, partition.lastKnownEligibleLeaderReplicas)) change.lastKnownElr = lastKnown
  if (rules.metadataVersion >= MetadataVersion.directories && (change.replicas || target.directories)) {
    const directories = directoriesOf(partition, draft.replicas, target)
    if (differs(directories, partition.directories)) change.directories = directories
  }
  if (recovery !== partition.leaderRecoveryState) change.leaderRecoveryState = recovery
  return changesNothing(change) ? null : record
}

/** Replicas that left the in-sync set while it was too small to commit anything without them still have all that is committed. */
function eligibleReplicas(
  partition: PartitionImage,
  { isr, replicas }: Draft,
  uncleanShutdown: readonly number[] | undefined,
): readonly number[] {
  const candidates = new Set([...partition.eligibleLeaderReplicas, ...partition.isr])
  const remain = [...candidates].filter(id => !isr.includes(id) && replicas.includes(id) && !uncleanShutdown?.includes(id))
  return remain.sort((a, b) => a - b)
}

function elect(
  partition: PartitionImage,
  { isr, elr, replicas }: Draft,
  { canLead, election }: PartitionTarget,
  rules: PartitionRules,
): { readonly leader: number; readonly unclean: boolean } {
  const isValid = (id: number) => (isr.length === 0 ? elr : isr).includes(id) && canLead(id)
  const preferred = replicas[0]
  if (election === 'preferred' && preferred !== undefined && isValid(preferred)) return { leader: preferred, unclean: false }
  if (isValid(partition.leader)) return { leader: partition.leader, unclean: false }
  const inSync = replicas.find(isValid)
  if (inSync !== undefined) return { leader: inSync, unclean: false }
  const known = partition.lastKnownEligibleLeaderReplicas.filter(id => replicas.includes(id))
  if (rules.eligibleReplicas && isr.length === 0 && elr.length === 0 && known.length === 1 && canLead(known[0]!))
    return { leader: known[0]!, unclean: true }
  const any = election === 'unclean' ? replicas.find(canLead) : undefined
  return any === undefined ? { leader: noLeader, unclean: false } : { leader: any, unclean: true }
}

/** Whether the leader that stays gets a new epoch: followers that are removed must notice, and old brokers want it for a smaller in-sync set. */
function beginsEpoch(partition: PartitionImage, { isr, replicas }: Draft, { metadataVersion }: PartitionRules): boolean {
  const removed = (after: readonly number[], before: readonly number[]) => before.some(id => !after.includes(id))
  if (removed(replicas, partition.replicas)) return true
  return metadataVersion < MetadataVersion.noEpochForShrink && removed(isr, partition.isr)
}

/** Without a leader, whoever led last is the one to come back first if nobody else can; with one it is no longer of interest. */
function lastKnownLeader(
  partition: PartitionImage,
  { replicas }: Draft,
  leader: number,
  { eligibleReplicas: enabled }: PartitionRules,
): readonly number[] {
  if (!enabled || leader !== noLeader) return []
  const known = partition.leader === noLeader ? partition.lastKnownEligibleLeaderReplicas : [partition.leader]
  return known.filter(id => replicas.includes(id))
}

function directoriesOf(partition: PartitionImage, replicas: readonly number[], target: PartitionTarget): readonly string[] {
  const present = new Map(partition.replicas.map((id, index) => [id, partition.directories[index]]))
  return replicas.map(id => target.directories?.get(id) ?? present.get(id) ?? target.newDirectory?.(id) ?? unassignedDirectory)
}

function differs<T>(after: readonly T[], before: readonly T[]): boolean {
  return after !== before && (after.length !== before.length || after.some((id, index) => id !== before[index]))
}

function changesNothing(change: PartitionChangeRecord): boolean {
  return (
    change.leader === noChange &&
    change.leaderRecoveryState === -1 &&
    !change.isr &&
    !change.replicas &&
    !change.addingReplicas &&
    !change.removingReplicas &&
    !change.eligibleLeaderReplicas &&
    !change.lastKnownElr &&
    !change.directories
  )
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }
