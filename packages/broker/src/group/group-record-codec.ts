import {
  type BatchView,
  type Draft,
  decode,
  encodeWhole,
  GroupMetadataKey,
  GroupMetadataValue,
  LegacyOffsetCommitKey,
  LegacyOffsetCommitValue,
  type Message,
  OffsetCommitKey,
  OffsetCommitValue,
  zeroUuid,
} from '@millrace/protocol'
import { AssertionError } from '@millrace/runtime'
import type { GroupMetadata, GroupRecord, OffsetRecord } from './group-records.ts'

/** Types of record keys in `__consumer_offsets`; the others belong to newer kinds of groups. */
const keyType = { legacyOffset: 0, offset: 1, group: 2 } as const
const groupValueVersion = 3
const typeBytes = 2

export interface EncodedRecord {
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

/** Kafka's bytes of a record: key and value each begin with an int16, the type and the version. */
export function encodeGroupRecord(record: GroupRecord): EncodedRecord {
  if (record.kind === 'offset') return encodeOffset(record)
  if (record.kind !== 'group') throw new AssertionError('a transaction ends with a control batch')
  const key = prefixed(keyType.group, GroupMetadataKey, 0, { group: record.group })
  if (record.value === null) return { key, value: null }
  const { currentStateTimestampMs, members, ...rest } = record.value
  const value = prefixed(groupValueVersion, GroupMetadataValue, groupValueVersion, {
    ...rest,
    currentStateTimestamp: currentStateTimestampMs,
    members: members.map(({ rebalanceTimeoutMs, sessionTimeoutMs, ...member }) => ({
      ...member,
      rebalanceTimeout: rebalanceTimeoutMs,
      sessionTimeout: sessionTimeoutMs,
    })),
  })
  return { key, value }
}

function encodeOffset({ group, topic, partition, value }: OffsetRecord): EncodedRecord {
  const key = prefixed(keyType.offset, OffsetCommitKey, 0, { group, topic, partition })
  if (value === null) return { key, value: null }
  // As Kafka does: version 1 alone has an expiry of its own, version 4 alone the topic's id.
  const version = value.expireTimestampMs >= 0 ? 1 : value.topicId === null ? 3 : 4
  const { offset, leaderEpoch, metadata, commitTimestampMs, expireTimestampMs, topicId } = value
  const encoded = prefixed(version, OffsetCommitValue, version, {
    offset,
    leaderEpoch,
    metadata,
    commitTimestamp: commitTimestampMs,
    expireTimestamp: expireTimestampMs,
    topicId: topicId ?? zeroUuid,
  })
  return { key, value: encoded }
}

function prefixed<T>(prefix: number, message: Message<T>, version: number, body: Draft<T>): Uint8Array {
  const encoded = encodeWhole(message, version, body)
  const bytes = new Uint8Array(typeBytes + encoded.length)
  new DataView(bytes.buffer).setInt16(0, prefix)
  bytes.set(encoded, typeBytes)
  return bytes
}

/**
 * The records of a batch of `__consumer_offsets`. Records of kinds that are not known here (newer groups) are handed to `unknown` with
 * the type of their key and stay in the log. Byte fields are views into the batch. Throws ProtocolError on bytes that break the format.
 */
export function* groupRecordsIn(batch: BatchView, unknown: (type: number) => void): Generator<GroupRecord, void, undefined> {
  const cursor = batch.records()
  while (cursor.next()) {
    const key = cursor.key()
    if (key === null || key.length < typeBytes) continue
    if (batch.isControl) {
      // Key: version, type; 0 aborts and 1 commits the transaction.
      const type = new DataView(key.buffer, key.byteOffset, key.byteLength).getInt16(typeBytes)
      if (type <= 1) yield { kind: 'transactionEnd', producerId: batch.producerId, committed: type === 1 }
      continue
    }
    const type = prefixOf(key)
    const value = cursor.value()
    if (type === keyType.group) {
      const { group } = decode(GroupMetadataKey, 0, key, typeBytes)
      yield { kind: 'group', group, value: value && groupMetadata(value) }
    } else if (type === keyType.offset || type === keyType.legacyOffset) {
      const record = offsetRecord(type, key, value)
      yield batch.isTransactional ? { ...record, producerId: batch.producerId } : record
    } else {
      unknown(type)
    }
  }
}

function prefixOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getInt16(0)
}

function groupMetadata(bytes: Uint8Array): GroupMetadata {
  const { currentStateTimestamp, members, ...rest } = decode(GroupMetadataValue, prefixOf(bytes), bytes, typeBytes)
  return {
    ...rest,
    currentStateTimestampMs: currentStateTimestamp,
    members: members.map(({ rebalanceTimeout, sessionTimeout, ...member }) => ({
      ...member,
      rebalanceTimeoutMs: rebalanceTimeout,
      sessionTimeoutMs: sessionTimeout,
    })),
  }
}

function offsetRecord(type: number, key: Uint8Array, value: Uint8Array | null): OffsetRecord {
  const { group, topic, partition } = decode(type === keyType.offset ? OffsetCommitKey : LegacyOffsetCommitKey, 0, key, typeBytes)
  const record = { kind: 'offset', group, topic, partition } as const
  if (value === null) return { ...record, value: null }
  const { leaderEpoch, expireTimestamp, topicId, offset, metadata, commitTimestamp } = offsetValue(type, value)
  return {
    ...record,
    value: {
      offset,
      leaderEpoch,
      metadata,
      commitTimestampMs: commitTimestamp,
      expireTimestampMs: expireTimestamp,
      topicId: topicId === zeroUuid ? null : topicId,
    },
  }
}

function offsetValue(type: number, value: Uint8Array): OffsetCommitValue {
  const version = prefixOf(value)
  if (type === keyType.offset) return decode(OffsetCommitValue, version, value, typeBytes)
  const legacy = decode(LegacyOffsetCommitValue, version, value, typeBytes)
  return { ...legacy, leaderEpoch: -1, expireTimestamp: -1, topicId: zeroUuid }
}
