import { describe, expect, it } from 'vitest'
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from './consumer-protocol.ts'

const bytes = (hex: string) => Buffer.from(hex, 'hex')
const hex = (written: Uint8Array) => Buffer.from(written).toString('hex')

const subscription = {
  topics: ['b', 'a'],
  userData: Uint8Array.of(1, 2),
  ownedPartitions: [
    { topic: 'a', partition: 0 },
    { topic: 'a', partition: 1 },
  ],
  generationId: 7,
  rackId: 'r1',
}
/** What Apache Kafka 4.3.1's ConsumerProtocol wrote, by version. */
const subscriptions = [
  '000000000002000161000162000000020102',
  '00010000000200016100016200000002010200000001000161000000020000000000000001',
  '0002000000020001610001620000000201020000000100016100000002000000000000000100000007',
  '000300000002000161000162000000020102000000010001610000000200000000000000010000000700027231',
]
const assignment = {
  partitions: [
    { topic: 'a', partition: 0 },
    { topic: 'a', partition: 2 },
    { topic: 'b', partition: 1 },
  ],
  userData: Uint8Array.of(9),
}
const assignmentBody = '0000000200016100000002000000000000000200016200000001000000010000000109'

describe('the consumer protocol', () => {
  it('writes a subscription as the Java client does', () => {
    expect(hex(encodeSubscription(subscription))).toBe(subscriptions[3])
    const plain = { topics: ['a'], userData: null, ownedPartitions: [], generationId: -1, rackId: null }
    expect(hex(encodeSubscription(plain))).toBe('000300000001000161ffffffff00000000ffffffffffff')
  })

  it.each([0, 1, 2, 3])('reads version %i of it', version => {
    const read = decodeSubscription(bytes(subscriptions[version]!))
    expect(read.topics).toEqual(['a', 'b'])
    expect([...read.userData!]).toEqual([1, 2])
    expect(read.ownedPartitions).toEqual(version >= 1 ? subscription.ownedPartitions : [])
    expect(read.generationId).toBe(version >= 2 ? 7 : -1)
    expect(read.rackId).toBe(version >= 3 ? 'r1' : null)
  })

  it('reads what a later version adds behind as if it were not there', () => {
    const later = bytes(`0009${subscriptions[3]!.slice(4)}ffff`)
    expect(decodeSubscription(later)).toMatchObject({ generationId: 7, rackId: 'r1' })
  })

  it('writes an assignment as the Java client does and reads every version', () => {
    expect(hex(encodeAssignment(assignment))).toBe(`0003${assignmentBody}`)
    expect(hex(encodeAssignment({ partitions: [] }))).toBe('000300000000ffffffff')
    for (const version of [0, 1, 2, 3]) {
      const { partitions, userData } = decodeAssignment(bytes(`000${version}${assignmentBody}`))
      expect([partitions, [...userData!]]).toEqual([assignment.partitions, [9]])
    }
  })

  it('takes no bytes at all for no partitions', () => {
    expect(decodeAssignment(new Uint8Array(0))).toEqual({ partitions: [], userData: null })
  })

  it.each(['00', 'ffff00', '0001', '000000000001', '0003ffffffff7f', '00037fffffff'])('refuses %s', damaged => {
    expect(() => decodeSubscription(bytes(damaged))).toThrow(/PROTOCOL|ProtocolError|bytes|count|array|length|version/i)
  })
})
