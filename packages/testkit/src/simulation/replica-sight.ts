import type { Follower, Leader, NodeInsides, RaftNode } from '@millrace/broker/internal'
import type { SimulatedNode } from './simulated-node.ts'

/** What is looked at in a log. */
export interface ReplicaLog {
  readonly logStartOffset: number
  readonly logEndOffset: number
  readonly writtenOffset: number
  readonly failure: Error | null
  read(offset: number, options: { maxBytes: number; endOffset: number; atLeastOne: boolean }): { chunks: Uint8Array[] }
}

/** One copy of a partition, or of the metadata log, in a running node. */
export interface Replica {
  /** Topic and partition, for people. */
  readonly name: string
  /** The partition over all nodes; a topic that is made again is another one. */
  readonly key: string
  readonly node: SimulatedNode
  /** Stays the same as long as this copy is led, or followed, without a break. */
  readonly incarnation: object
  readonly leads: boolean
  readonly leaderEpoch: number
  /** Not below it is read. */
  readonly highWatermark: number
  readonly log: ReplicaLog
  /** The log of the quorum: it begins where a snapshot ends. */
  readonly isMetadata: boolean
  /** There is no other copy: nothing that is committed is ever waited for again. */
  readonly isAlone: boolean
  /** Nodes that may have to have something before it counts as committed, and how many of them must. */
  quorum(): { readonly holders: readonly number[]; readonly needed: number }
  /** Grows with each change of the in-sync set; -1: it does not lead. */
  readonly partitionEpoch: number
  /** As a leader it has fewer in sync than acks=all needs. */
  readonly isBelowMinIsr: boolean
  /** The log is closed or its disk has failed. */
  readonly isLost: boolean
}

export const metadataName = '__cluster_metadata-0'

/** Whether a leader or follower has to be looked at: what can be seen of it is not what it was. */
export type HasChanged = (copy: Leader | Follower) => boolean

/** Every partition that the node leads or follows, and its copy of the metadata log. */
export function* replicasOf(
  node: SimulatedNode,
  minIsr: number,
  { partitions, raft }: NodeInsides = node.insides,
  hasChanged: HasChanged = () => true,
): Iterable<Replica> {
  if (partitions !== undefined) {
    for (const leader of partitions.leaders()) if (hasChanged(leader)) yield replicaOfLeader(node, leader, minIsr)
    for (const follower of partitions.followers()) if (hasChanged(follower)) yield replicaOfFollower(node, follower)
  }
  if (raft !== undefined) yield replicaOfRaft(node, raft)
}

function replicaOfLeader(node: SimulatedNode, leader: Leader, minIsr: number): Replica {
  const { topic, topicId, partition, leaderEpoch, highWatermark, log, lostCode } = leader
  return {
    name: `${topic}-${partition}`,
    key: `${topicId}-${partition}`,
    node,
    incarnation: leader,
    leads: lostCode === 0,
    leaderEpoch,
    highWatermark,
    log,
    isMetadata: false,
    isAlone: leader.replicaCount === 1,
    partitionEpoch: leader.inSync.partitionEpoch,
    isBelowMinIsr: leader.inSync.isr.length < Math.min(minIsr, leader.replicaCount),
    quorum: () => ({ holders: leader.inSync.isr, needed: leader.inSync.isr.length }),
    isLost: lostCode !== 0 || log.failure !== null,
  }
}

function replicaOfFollower(node: SimulatedNode, follower: Follower): Replica {
  const { topic, topicId, partition, leaderEpoch, highWatermark, log, lostCode } = follower
  return {
    name: `${topic}-${partition}`,
    key: `${topicId}-${partition}`,
    node,
    incarnation: follower,
    leads: false,
    leaderEpoch,
    highWatermark,
    log,
    isMetadata: false,
    isAlone: false,
    partitionEpoch: -1,
    isBelowMinIsr: false,
    quorum: () => ({ holders: [], needed: 0 }),
    isLost: lostCode !== 0 || log.failure !== null,
  }
}

function replicaOfRaft(node: SimulatedNode, { raft, log, voters }: RaftNode<unknown>): Replica {
  const holders = voters.voters.map(({ id }) => id)
  return {
    name: metadataName,
    key: metadataName,
    node,
    incarnation: raft,
    leads: raft.role === 'leader',
    leaderEpoch: raft.epoch,
    highWatermark: Math.max(0, raft.highWatermark),
    log,
    isMetadata: true,
    isAlone: false,
    partitionEpoch: -1,
    isBelowMinIsr: false,
    quorum: () => ({ holders, needed: Math.floor(holders.length / 2) + 1 }),
    isLost: log.failure !== null,
  }
}
