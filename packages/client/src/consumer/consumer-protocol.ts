import {
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
  decodePrefix,
  encodeWhole,
  ProtocolError,
} from '@millrace/protocol'
import { byTopic, type TopicPartition } from '../topic-partition.ts'
import type { GroupMember, MemberAssignment } from './assignors/assignor.ts'

/** What members of a consumer group tell one another through the coordinator (protocol type `consumer`), byte for byte as the Java client writes it. */

export type MemberSubscription = Omit<GroupMember, 'memberId' | 'groupInstanceId'>

const version = 3

export function encodeSubscription({ topics, userData, ownedPartitions, generationId, rackId }: MemberSubscription): Uint8Array {
  return versioned(
    encodeWhole(ConsumerProtocolSubscription, version, {
      topics: [...topics].sort(),
      userData,
      ownedPartitions: grouped(ownedPartitions),
      generationId,
      rackId,
    }),
  )
}

/** Later versions than ours only add fields behind. Throws a ProtocolError. */
export function decodeSubscription(bytes: Uint8Array): MemberSubscription {
  const { value } = decodePrefix(ConsumerProtocolSubscription, versionOf(bytes), bytes, 2)
  const { topics, userData, ownedPartitions, generationId, rackId } = value
  return { topics, userData, ownedPartitions: flat(ownedPartitions), generationId, rackId }
}

export function encodeAssignment({ partitions, userData = null }: MemberAssignment): Uint8Array {
  return versioned(encodeWhole(ConsumerProtocolAssignment, version, { assignedPartitions: grouped(partitions), userData }))
}

/** No bytes at all: nothing assigned. Throws a ProtocolError. */
export function decodeAssignment(bytes: Uint8Array): Required<MemberAssignment> {
  if (bytes.length === 0) return { partitions: [], userData: null }
  const { value } = decodePrefix(ConsumerProtocolAssignment, versionOf(bytes), bytes, 2)
  return { partitions: flat(value.assignedPartitions), userData: value.userData }
}

function versionOf(bytes: Uint8Array): number {
  const theirs = bytes.length < 2 ? -1 : ((bytes[0]! << 24) >> 16) | bytes[1]!
  if (theirs < 0) throw new ProtocolError(`A member's consumer protocol data has no version (${bytes.length} bytes)`)
  return Math.min(theirs, version)
}

function versioned(body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(body.length + 2)
  bytes[1] = version
  bytes.set(body, 2)
  return bytes
}

function grouped(partitions: readonly TopicPartition[]) {
  return [...byTopic(partitions)].map(([topic, list]) => ({ topic, partitions: list.map(({ partition }) => partition) }))
}

function flat(topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[]): TopicPartition[] {
  return topics.flatMap(({ topic, partitions }) => partitions.map(partition => ({ topic, partition })))
}
