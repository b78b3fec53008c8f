import { expect, test } from 'vitest'
import { metadataVersion, supportedFeatures } from './features.ts'
import { type MetadataRecord, partitionChange } from './metadata-record.ts'
import { decodeRecord, encodeRecord } from './record-codec.ts'

const uuid = 'DDDDDDDDDDDDDDDDDDDDDQ'
const registration: MetadataRecord = {
  type: 'RegisterBrokerRecord',
  value: {
    brokerId: 1,
    isMigratingZkBroker: false,
    incarnationId: uuid,
    brokerEpoch: 5,
    endPoints: [],
    features: supportedFeatures,
    rack: null,
    fenced: true,
    inControlledShutdown: false,
    logDirs: [uuid],
    cordonedLogDirs: [uuid],
  },
}
const change = partitionChange({
  topicId: uuid,
  partitionId: 0,
  directories: [uuid],
  eligibleLeaderReplicas: [2],
  lastKnownElr: [3],
})
const versionOf = (record: MetadataRecord, level: number) => encodeRecord(record, level)[2]

test('a record of the newest level comes back as it was', () => {
  expect(decodeRecord(encodeRecord(registration))).toEqual(registration)
  expect(decodeRecord(encodeRecord(change))).toEqual(change)
  expect(decodeRecord(encodeRecord(change, metadataVersion))).toEqual(change)
})

test('a record is written in the version that Apache Kafka writes at that level', () => {
  const levels = [7, 8, 16, 17, 22, 23, 29, 30]
  expect(levels.map(level => versionOf(registration, level))).toEqual([1, 2, 2, 3, 3, 3, 3, 4])
  expect(levels.map(level => versionOf(change, level))).toEqual([0, 0, 0, 1, 1, 2, 2, 2])
})

test('what an older version cannot hold is left out', () => {
  expect(decodeRecord(encodeRecord(registration, 29)).value).toMatchObject({ logDirs: [uuid], cordonedLogDirs: null })
  expect(decodeRecord(encodeRecord(registration, 16)).value).toMatchObject({ logDirs: [], cordonedLogDirs: null })
  expect(decodeRecord(encodeRecord(change, 22)).value).toMatchObject({ directories: [uuid], eligibleLeaderReplicas: null })
  expect(decodeRecord(encodeRecord(change, 12)).value).toMatchObject({ directories: null, lastKnownElr: null })
})
