import { decode, joined, writerOf } from './codec/codec.ts'
import { Output } from './codec/output.ts'
import * as declared from './messages/index.ts'
import { ProtocolError } from './protocol-error.ts'
import type { Draft, Message } from './schema.ts'
import { putUvarint, readUvarint } from './varint.ts'

/** A record of a coordinator's topic: the key names the type, the value states its version. */
export interface RecordType<Key, Value> {
  readonly type: number
  readonly name: string
  readonly key: Message<Key>
  readonly value: Message<Value>
}

/** The record types of one topic, by number. */
export type RecordTypes = ReadonlyMap<number, RecordType<any, any>>

function recordTypes(...pairs: (readonly [Message<any>, Message<any>])[]): RecordTypes {
  return new Map(
    pairs.map(([key, value]) => [key.type!, { type: key.type!, name: key.name.replace(/Key$/, ''), key, value }] as const),
  )
}

/** `__consumer_offsets`. */
export const groupRecordTypes = recordTypes(
  [declared.LegacyOffsetCommitKey, declared.LegacyOffsetCommitValue],
  [declared.OffsetCommitKey, declared.OffsetCommitValue],
  [declared.GroupMetadataKey, declared.GroupMetadataValue],
  [declared.ConsumerGroupMetadataKey, declared.ConsumerGroupMetadataValue],
  [declared.ConsumerGroupPartitionMetadataKey, declared.ConsumerGroupPartitionMetadataValue],
  [declared.ConsumerGroupMemberMetadataKey, declared.ConsumerGroupMemberMetadataValue],
  [declared.ConsumerGroupTargetAssignmentMetadataKey, declared.ConsumerGroupTargetAssignmentMetadataValue],
  [declared.ConsumerGroupTargetAssignmentMemberKey, declared.ConsumerGroupTargetAssignmentMemberValue],
  [declared.ConsumerGroupCurrentMemberAssignmentKey, declared.ConsumerGroupCurrentMemberAssignmentValue],
  [declared.ShareGroupMemberMetadataKey, declared.ShareGroupMemberMetadataValue],
  [declared.ShareGroupMetadataKey, declared.ShareGroupMetadataValue],
  [declared.ShareGroupTargetAssignmentMetadataKey, declared.ShareGroupTargetAssignmentMetadataValue],
  [declared.ShareGroupTargetAssignmentMemberKey, declared.ShareGroupTargetAssignmentMemberValue],
  [declared.ShareGroupCurrentMemberAssignmentKey, declared.ShareGroupCurrentMemberAssignmentValue],
  [declared.ShareGroupStatePartitionMetadataKey, declared.ShareGroupStatePartitionMetadataValue],
  [declared.ConsumerGroupRegularExpressionKey, declared.ConsumerGroupRegularExpressionValue],
  [declared.StreamsGroupMetadataKey, declared.StreamsGroupMetadataValue],
  [declared.StreamsGroupMemberMetadataKey, declared.StreamsGroupMemberMetadataValue],
  [declared.StreamsGroupTargetAssignmentMetadataKey, declared.StreamsGroupTargetAssignmentMetadataValue],
  [declared.StreamsGroupTargetAssignmentMemberKey, declared.StreamsGroupTargetAssignmentMemberValue],
  [declared.StreamsGroupCurrentMemberAssignmentKey, declared.StreamsGroupCurrentMemberAssignmentValue],
  [declared.StreamsGroupTopologyKey, declared.StreamsGroupTopologyValue],
)

/** `__transaction_state`. */
export const transactionRecordTypes = recordTypes([declared.TransactionLogKey, declared.TransactionLogValue])

/** `__share_group_state`. */
export const shareStateRecordTypes = recordTypes(
  [declared.ShareSnapshotKey, declared.ShareSnapshotValue],
  [declared.ShareUpdateKey, declared.ShareUpdateValue],
)

/**
 * The key of a coordinator's record: int16 type, then the body in version 0. As with all that is encoded, the bytes lie in a
 * larger buffer: copy what is to be kept for long.
 */
export function encodeRecordKey<Key>(message: Message<Key>, key: Draft<Key>): Uint8Array {
  if (message.type === undefined) throw new TypeError(`${message.name} is not the key of a record type`)
  return prefixed(message.type, message, 0, key)
}

/** The value of a coordinator's record: int16 version, then the body. */
export function encodeRecordValue<Value>(message: Message<Value>, version: number, value: Draft<Value>): Uint8Array {
  return prefixed(version, message, version, value)
}

function prefixed<T>(prefix: number, message: Message<T>, version: number, value: Draft<T>): Uint8Array {
  const write = writerOf(message, version)
  const output = new Output()
  output.view.setInt16(output.position, prefix)
  output.position += 2
  write(output, value)
  return joined(output.finish())
}

/**
 * Reads the key of a coordinator's record. Undefined for a type that is not known: a newer broker wrote it, and it is to be
 * passed over.
 */
export function decodeRecordKey(
  types: RecordTypes,
  bytes: Uint8Array,
): { recordType: RecordType<any, any>; key: any } | undefined {
  const recordType = types.get(int16At(bytes, 'key'))
  return recordType === undefined ? undefined : { recordType, key: decode(recordType.key, 0, bytes, 2) }
}

/**
 * Reads the value of a coordinator's record, whose version comes first. Throws KafkaError UNSUPPORTED_VERSION for a newer one.
 */
export function decodeRecordValue<Value>(message: Message<Value>, bytes: Uint8Array): { version: number; value: Value } {
  const version = int16At(bytes, 'value')
  return { version, value: decode(message, version, bytes, 2) }
}

function int16At(bytes: Uint8Array, part: string): number {
  if (bytes.length < 2)
    throw new ProtocolError(`a record ${part} of ${bytes.length} bytes does not state its ${part === 'key' ? 'type' : 'version'}`)
  return ((bytes[0]! << 24) >> 16) | bytes[1]!
}

/** Every record of the metadata log, by type. */
export const metadataRecords: ReadonlyMap<number, Message<any>> = new Map(
  [
    declared.RegisterBrokerRecord,
    declared.UnregisterBrokerRecord,
    declared.TopicRecord,
    declared.PartitionRecord,
    declared.ConfigRecord,
    declared.PartitionChangeRecord,
    declared.FenceBrokerRecord,
    declared.UnfenceBrokerRecord,
    declared.RemoveTopicRecord,
    declared.DelegationTokenRecord,
    declared.UserScramCredentialRecord,
    declared.FeatureLevelRecord,
    declared.ClientQuotaRecord,
    declared.ProducerIdsRecord,
    declared.BrokerRegistrationChangeRecord,
    declared.AccessControlEntryRecord,
    declared.RemoveAccessControlEntryRecord,
    declared.NoOpRecord,
    declared.ZkMigrationStateRecord,
    declared.RemoveUserScramCredentialRecord,
    declared.BeginTransactionRecord,
    declared.EndTransactionRecord,
    declared.AbortTransactionRecord,
    declared.RemoveDelegationTokenRecord,
    declared.RegisterControllerRecord,
    declared.ClearElrRecord,
    declared.UnregisterControllerRecord,
  ].map((message: Message<any>) => [message.type!, message] as const),
)

const metadataFrameVersion = 1

/** The value of a record of the metadata log: frame version, type and version as unsigned varints, then the body. */
export function encodeMetadataRecord<T>(message: Message<T>, version: number, value: Draft<T>): Uint8Array {
  if (message.type === undefined) throw new TypeError(`${message.name} is not a metadata record`)
  const write = writerOf(message, version)
  const output = new Output()
  let position = putUvarint(output.bytes, output.position, metadataFrameVersion)
  position = putUvarint(output.bytes, position, message.type)
  output.position = putUvarint(output.bytes, position, version)
  write(output, value)
  return joined(output.finish())
}

/** A record of the metadata log as it was read. Narrow it with `isRecordOf`. */
export interface MetadataRecord<T = any> {
  readonly message: Message<T>
  readonly version: number
  readonly value: T
}

/**
 * Reads the value of a record of the metadata log. Throws ProtocolError for a frame or a type that is not known, KafkaError for
 * a newer version.
 */
export function decodeMetadataRecord(bytes: Uint8Array): MetadataRecord {
  const cursor = { value: 0, position: 0 }
  readUvarint(bytes, cursor)
  if (cursor.value !== metadataFrameVersion) throw new ProtocolError(`a metadata record with frame version ${cursor.value}`)
  readUvarint(bytes, cursor)
  const message = metadataRecords.get(cursor.value)
  if (message === undefined) throw new ProtocolError(`unknown metadata record type ${cursor.value}`)
  readUvarint(bytes, cursor)
  const version = cursor.value
  return { message, version, value: decode(message, version, bytes, cursor.position) }
}

/** Whether a metadata record is of a type: `if (isRecordOf(record, TopicRecord)) record.value.topicId`. */
export function isRecordOf<T>(record: MetadataRecord, message: Message<T>): record is MetadataRecord<T> {
  return record.message === message
}
