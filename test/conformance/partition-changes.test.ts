import { changedPartition, changePartition, type Election, partitionOf } from '@millrace/broker/internal'
import { seededRandom } from '@millrace/protocol/internal'
import { expect, test } from 'vitest'
import { runJava } from './kafka-peer.ts'

const caseCount = 20_000
const topicId = 'AAAAAAAAAAAAAAAAAAAD6A'
const unassigned = 'AAAAAAAAAAAAAAAAAAAAAA'
const { below } = seededRandom(966)

interface Case {
  readonly leader: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly elr: readonly number[]
  readonly lastKnown: readonly number[]
  readonly adding: readonly number[]
  readonly removing: readonly number[]
  readonly recovery: number
  readonly metadataVersion: number
  readonly keepsEligible: boolean
  readonly minIsr: number
  readonly alive: readonly number[]
  readonly election: Election
  readonly targetIsr: readonly number[] | null
  readonly target: {
    readonly replicas: readonly number[]
    readonly adding: readonly number[]
    readonly removing: readonly number[]
  } | null
  readonly unclean: readonly number[]
}

function some<T>(list: readonly T[], outOf = 2): T[] {
  return list.filter(() => below(outOf) > 0)
}

function shuffled(list: readonly number[]): number[] {
  const left = [...list]
  return list.map(() => left.splice(below(left.length), 1)[0]!)
}

/** A partition as a controller may have it, and a change that may come to it. */
function randomCase(): Case {
  const brokers = shuffled([1, 2, 3, 4, 5])
  const replicas = brokers.slice(0, 1 + below(4))
  const keepsEligible = below(4) > 0
  const minIsr = 1 + below(replicas.length)
  const isr = keepsEligible ? some(replicas) : replicas.slice(0, 1 + below(replicas.length))
  const leader = isr.length > 0 && below(5) > 0 ? isr[below(isr.length)]! : -1
  const rest = replicas.filter(id => !isr.includes(id))
  const elr =
    keepsEligible && isr.length < minIsr
      ? some(rest)
          .slice(0, minIsr === 1 ? 1 : 4)
          .sort()
      : []
  const lastKnown = keepsEligible && leader < 0 && isr.length === 0 ? rest.slice(0, below(2)) : []
  const adding = replicas.length > 1 && below(4) === 0 ? replicas.slice(-1) : []
  const removing = replicas.length > 2 && below(4) === 0 ? replicas.slice(0, 1) : []
  const wanted = adding.length + removing.length === 0 && below(3) === 0 ? shuffled(brokers).slice(0, minIsr + below(2)) : null
  const wantedIsr = below(2) === 0 ? some(replicas) : null
  // Replicas leave the set one after the other: with one that is enough, there is never more than one to fall back to.
  const targetIsr = wantedIsr?.length === 0 && minIsr === 1 && isr.length + elr.length > 1 ? null : wantedIsr
  const reassigns = wanted !== null || adding.length + removing.length > 0
  const going = wanted && replicas.filter(id => !wanted.includes(id)).sort()
  const coming = wanted?.filter(id => !replicas.includes(id)).sort()
  return {
    leader,
    replicas,
    isr,
    elr,
    lastKnown,
    adding,
    removing,
    recovery: leader >= 0 && isr.length === 1 ? below(2) : 0,
    // Before directories Apache Kafka's own classes cannot merge a change of the replicas.
    metadataVersion: keepsEligible ? 30 : reassigns ? [17, 30][below(2)]! : [7, 11, 12, 17, 30][below(5)]!,
    keepsEligible,
    minIsr,
    // A leader leaves the in-sync set only because it is gone.
    alive: some(brokers, 3).filter(id => id !== leader || !targetIsr || targetIsr.includes(id)),
    election: (['online', 'preferred', 'unclean'] as const)[below(3)]!,
    targetIsr,
    target: wanted && { replicas: [...wanted, ...going!], adding: coming!, removing: going! },
    unclean: keepsEligible && below(4) === 0 ? some(isr.filter(id => id !== leader)) : [],
  }
}

function lineOf(each: Case): string {
  const { target } = each
  return [
    each.leader,
    each.replicas,
    each.isr,
    each.elr,
    each.lastKnown,
    each.adding,
    each.removing,
    each.recovery,
    each.metadataVersion,
    each.keepsEligible ? 1 : 0,
    each.minIsr,
    each.alive,
    each.election.toUpperCase(),
    each.targetIsr ?? '-',
    target?.replicas ?? '-',
    target?.adding ?? '',
    target?.removing ?? '',
    each.unclean,
  ].join('\t')
}

function ours(each: Case): string {
  const { leader, replicas, isr, target } = each
  const before = partitionOf(
    {
      topicId,
      partitionId: 0,
      leader,
      replicas,
      isr,
      leaderEpoch: 10,
      partitionEpoch: 20,
      addingReplicas: each.adding,
      removingReplicas: each.removing,
      leaderRecoveryState: each.recovery,
      eligibleLeaderReplicas: each.elr,
      lastKnownElr: each.lastKnown,
      directories: replicas.map(() => unassigned),
    },
    () => [],
  )
  const record = changePartition(
    before,
    {
      topicId,
      partitionId: 0,
      canLead: id => each.alive.includes(id),
      election: each.election,
      uncleanShutdown: each.unclean,
      ...(each.targetIsr ? { isr: each.targetIsr } : {}),
      // Apache Kafka leaves a list that is empty as it was.
      ...(target
        ? {
            replicas: target.replicas,
            ...(target.adding.length > 0 ? { addingReplicas: target.adding } : {}),
            ...(target.removing.length > 0 ? { removingReplicas: target.removing } : {}),
          }
        : {}),
    },
    { minInsyncReplicas: each.minIsr, eligibleReplicas: each.keepsEligible, metadataVersion: each.metadataVersion },
  )
  const after = record ? changedPartition(before, record.value, () => []) : before
  return [
    after.leader,
    after.leaderEpoch,
    after.partitionEpoch,
    after.replicas,
    after.isr,
    [...after.eligibleLeaderReplicas].sort(),
    after.lastKnownEligibleLeaderReplicas,
    after.addingReplicas,
    after.removingReplicas,
    after.leaderRecoveryState,
  ].join('\t')
}

/** Apache Kafka may keep one eligible, or as the last known leader, that holds no replica any more. */
function withoutStrangers(line: string): string {
  const fields = line.split('\t')
  const replicas = fields[3]!.split(',')
  const known = (ids: string) =>
    ids
      .split(',')
      .filter(id => replicas.includes(id))
      .join(',')
  return fields.map((field, index) => (index === 5 || index === 6 ? known(field) : field)).join('\t')
}

test('partitions change as Apache Kafka’s controller changes them', async () => {
  const cases = Array.from({ length: caseCount }, randomCase)
  const theirs = await runJava('PartitionChanges.java', cases.map(lineOf))
  const different = cases.flatMap((each, index) =>
    ours(each) === withoutStrangers(theirs[index]!) ? [] : [`${lineOf(each)}\n  ours   ${ours(each)}\n  theirs ${theirs[index]}`],
  )
  expect(different.length, different.slice(0, 12).join('\n')).toBe(0)
})
