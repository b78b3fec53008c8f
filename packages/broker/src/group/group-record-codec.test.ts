import { BatchBuilder, BatchView } from '@millrace/protocol'
import { describe, expect, test } from 'vitest'
import { encodeGroupRecord, groupRecordsIn } from './group-record-codec.ts'
import type { GroupRecord } from './group-records.ts'

const offset = {
  offset: 20,
  leaderEpoch: 0,
  metadata: '',
  commitTimestampMs: 1_795_261_074_288,
  expireTimestampMs: -1,
  topicId: null,
}
const key = { kind: 'offset', group: 'g', topic: 't', partition: 1 } as const

/** Bytes as Apache Kafka 4.3.1's own classes write them. */
describe('bytes', () => {
  const hex = (record: GroupRecord) => {
    const encoded = encodeGroupRecord(record)
    return [encoded.key, encoded.value].map(bytes => bytes && Buffer.from(bytes).toString('hex'))
  }

  test('an offset with its topic id is version 4, without version 3, with an expiry version 1', () => {
    const keyHex = `0001${'000167'}${'000174'}${'00000001'}`
    const timestamp = '000001a1fde60b70'
    expect(hex({ ...key, value: { ...offset, topicId: '4siF1uiyTx2gTOBVT7A7PA' } })).toEqual([
      keyHex,
      `0004${'0000000000000014'}${'00000000'}${'01'}${timestamp}${'01'}${'00'}${'10'}e2c885d6e8b24f1da04ce0554fb03b3c`,
    ])
    expect(hex({ ...key, value: offset })).toEqual([keyHex, `0003${'0000000000000014'}${'00000000'}${'0000'}${timestamp}`])
    expect(hex({ ...key, value: { ...offset, expireTimestampMs: 1 } })).toEqual([
      keyHex,
      `0001${'0000000000000014'}${'0000'}${timestamp}${'0000000000000001'}`,
    ])
    expect(hex({ ...key, value: null })).toEqual([keyHex, null])
  })

  test('a group is version 3', () => {
    const value = { protocolType: 'c', generation: 2, protocol: null, leader: null, currentStateTimestampMs: 5, members: [] }
    expect(hex({ kind: 'group', group: 'g', value })).toEqual([
      '0002000167',
      `0003${'000163'}${'00000002'}${'ffff'}${'ffff'}${'0000000000000005'}${'00000000'}`,
    ])
  })
})

describe('reading a batch back', () => {
  const read = (records: readonly GroupRecord[], options: { producerId?: number; transactional?: boolean } = {}) => {
    const builder = new BatchBuilder({ maxBytes: 10_000, ...options })
    for (const record of records) {
      const encoded = encodeGroupRecord(record)
      builder.append(1, encoded.key, encoded.value)
    }
    builder.append(1, Buffer.from('0003000167', 'hex'), Buffer.from('00000000', 'hex'))
    const unknown: number[] = []
    const found = [...groupRecordsIn(BatchView.at(builder.build(), 0)!, type => unknown.push(type))]
    return { found, unknown }
  }

  test('gives the records; kinds of newer groups are reported and left alone', () => {
    const member = {
      memberId: 'm',
      groupInstanceId: 'i',
      clientId: 'c',
      clientHost: '/h',
      rebalanceTimeoutMs: 5,
      sessionTimeoutMs: 6,
      subscription: new Uint8Array([1, 2]),
      assignment: new Uint8Array([3]),
    }
    const records: GroupRecord[] = [
      { ...key, value: { ...offset, topicId: '4siF1uiyTx2gTOBVT7A7PA', metadata: 'é' } },
      { ...key, value: null },
      {
        kind: 'group',
        group: 'g',
        value: {
          protocolType: 'consumer',
          generation: 1,
          protocol: 'range',
          leader: 'm',
          currentStateTimestampMs: 9,
          members: [member],
        },
      },
      { kind: 'group', group: 'g', value: null },
    ]
    const { found, unknown } = read(records)
    expect(JSON.parse(JSON.stringify(found))).toEqual(JSON.parse(JSON.stringify(records)))
    expect(unknown).toEqual([3])
  })

  test('a transactional offset carries its producer; the control record ends the transaction', () => {
    expect(read([{ ...key, value: offset }], { producerId: 7, transactional: true }).found).toEqual([
      { ...key, value: offset, producerId: 7 },
    ])
    const end = new BatchBuilder({ maxBytes: 1000, producerId: 7, producerEpoch: 0, transactional: true, control: true })
    end.append(1, Buffer.from('00000001', 'hex'), Buffer.from('000000000000', 'hex'))
    expect([...groupRecordsIn(BatchView.at(end.build(), 0)!, () => {})]).toEqual([
      { kind: 'transactionEnd', producerId: 7, committed: true },
    ])
  })
})
