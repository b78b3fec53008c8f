import { describe, expect, it } from 'vitest'
import { KafkaError } from './errors/kafka-error.ts'
import * as declared from './messages/index.ts'
import { ProtocolError } from './protocol-error.ts'
import {
  decodeMetadataRecord,
  decodeRecordKey,
  decodeRecordValue,
  encodeMetadataRecord,
  encodeRecordKey,
  encodeRecordValue,
  groupRecordTypes,
  isRecordOf,
  metadataRecords,
  shareStateRecordTypes,
  transactionRecordTypes,
} from './record-types.ts'
import type { Message } from './schema.ts'

const messages = Object.values(declared).filter((value): value is Message<any> => 'fields' in value)
const types = [...groupRecordTypes.values(), ...transactionRecordTypes.values(), ...shareStateRecordTypes.values()]

describe('the records of coordinators', () => {
  it('state their type and version as int16 in front', () => {
    const key = encodeRecordKey(declared.OffsetCommitKey, { group: 'g', topic: 't', partition: 3 })
    expect(Buffer.from(key).toString('hex')).toBe('0001000167000174' + '00000003')
    expect(decodeRecordKey(groupRecordTypes, key)).toEqual({
      recordType: groupRecordTypes.get(1),
      key: { group: 'g', topic: 't', partition: 3 },
    })
    const value = encodeRecordValue(declared.OffsetCommitValue, 3, {
      offset: 5,
      leaderEpoch: 2,
      metadata: '',
      commitTimestamp: 9,
    })
    expect(Buffer.from(value.subarray(0, 2)).toString('hex')).toBe('0003')
    expect(decodeRecordValue(declared.OffsetCommitValue, value)).toMatchObject({
      version: 3,
      value: { offset: 5, leaderEpoch: 2, commitTimestamp: 9 },
    })
  })

  it('of a type that a newer broker wrote are undefined, of a newer version UNSUPPORTED_VERSION, and cut ones a ProtocolError', () => {
    expect(decodeRecordKey(groupRecordTypes, Uint8Array.of(3, 0xe7, 1, 2))).toBeUndefined()
    expect(() => decodeRecordValue(declared.OffsetCommitValue, Uint8Array.of(0, 99, 1))).toThrow(KafkaError)
    expect(() => decodeRecordKey(groupRecordTypes, Uint8Array.of(1))).toThrow(ProtocolError)
    expect(() => decodeRecordValue(declared.OffsetCommitValue, Uint8Array.of(0, 3, 1))).toThrow(ProtocolError)
  })

  it('are all in a table, each key with its value', () => {
    const inTables = new Set(types.flatMap(({ key, value }) => [key.name, value.name]))
    const keysAndValues = messages.filter(({ name, type }) => type !== undefined && /(Key|Value)$/.test(name))
    expect(keysAndValues.filter(({ name }) => !inTables.has(name))).toEqual([])
    expect(types.filter(({ type, key, value }) => key.type !== type || value.type !== type)).toEqual([])
  })
})

describe('the records of the metadata log', () => {
  it('have frame version, type and version in front as varints', () => {
    const bytes = encodeMetadataRecord(declared.FeatureLevelRecord, 0, { name: 'metadata.version', featureLevel: 27 })
    expect(Buffer.from(bytes.subarray(0, 4)).toString('hex')).toBe('010c0011')
    const record = decodeMetadataRecord(bytes)
    expect(isRecordOf(record, declared.TopicRecord)).toBe(false)
    expect(isRecordOf(record, declared.FeatureLevelRecord) && record.value.featureLevel).toBe(27)
  })

  it('are all in the table', () => {
    const inTable = new Set([...metadataRecords.values()].map(({ name }) => name))
    const known = messages.filter(({ name, type }) => type !== undefined && /Record$/.test(name) && !/^Remote/.test(name))
    expect(known.filter(({ name }) => !inTable.has(name)).map(({ name }) => name)).toEqual([])
    expect(inTable.size).toBe(27)
  })

  it('of unknown frame or type are a ProtocolError, of a newer version UNSUPPORTED_VERSION', () => {
    expect(() => decodeMetadataRecord(Uint8Array.of(2, 12, 0))).toThrow(ProtocolError)
    expect(() => decodeMetadataRecord(Uint8Array.of(1, 13, 0))).toThrow(ProtocolError)
    expect(() => decodeMetadataRecord(Uint8Array.of(1, 12, 9))).toThrow(KafkaError)
    expect(() => decodeMetadataRecord(Uint8Array.of(1))).toThrow(ProtocolError)
  })
})
