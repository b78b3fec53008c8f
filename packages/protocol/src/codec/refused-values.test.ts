import { describe, expect, it } from 'vitest'
import { KafkaError } from '../errors/kafka-error.ts'
import {
  FetchRequest,
  FetchResponse,
  HeartbeatRequest,
  JoinGroupRequest,
  MetadataRequest,
  OffsetFetchRequest,
  ProduceRequest,
} from '../messages/index.ts'
import { ProtocolError } from '../protocol-error.ts'
import type { Message } from '../schema.ts'
import { decode, encode, encodeWhole } from './codec.ts'
import { compileWriter } from './compile-writer.ts'
import { interpretWriter } from './interpret.ts'
import { Output } from './output.ts'

/** What each form of the writer says to a value that cannot be written. */
function refusals(message: Message<any>, version: number, value: unknown): string[] {
  return [compileWriter(message, version), interpretWriter(message, version)].map(write => {
    try {
      write(new Output(), value)
      return 'written'
    } catch (error) {
      if (error instanceof ProtocolError || error instanceof KafkaError) return `${error.code}: ${error.message}`
      throw error
    }
  })
}

describe('a writer', () => {
  it.each([
    [
      'a number beyond its field',
      HeartbeatRequest,
      0,
      { generationId: 2 ** 31 },
      /^PROTOCOL: HeartbeatRequest.generationId is an int32/,
    ],
    ['a fraction', HeartbeatRequest, 0, { generationId: 1.5 }, /int32/],
    [
      'an offset beyond 2^53',
      FetchRequest,
      4,
      { topics: [{ partitions: [{ fetchOffset: 2 ** 53 }] }] },
      /topics\[\].partitions\[\].fetchOffset is an int64/,
    ],
    [
      'an offset that is not a number',
      FetchRequest,
      4,
      { topics: [{ partitions: [{ fetchOffset: 5n }] }] },
      /int64, and 5 is none/,
    ],
    ['null where there is none', HeartbeatRequest, 0, { groupId: null }, /groupId is null/],
    ['null in a version without it', MetadataRequest, 0, { topics: null }, /topics is null/],
    ['a text that is none', HeartbeatRequest, 4, { groupId: 7 }, /groupId is a string, and number is none/],
    ['a text that is too long', HeartbeatRequest, 0, { groupId: 'g'.repeat(32_768) }, /more than 32767/],
    ['a text that is too long in bytes', HeartbeatRequest, 4, { groupId: 'é'.repeat(16_384) }, /32767/],
    ['a set for an array', MetadataRequest, 4, { topics: new Set() }, /topics is an array/],
    ['an array that is too long', FetchRequest, 13, { topics: [{ partitions: { length: 1_000_001 } }] }, /1000001 elements/],
    ['a text for a uuid', FetchRequest, 13, { topics: [{ topicId: 'flights' }] }, /not a uuid: 'flights'/],
    ['null for a uuid', FetchRequest, 13, { topics: [{ topicId: null }] }, /not a uuid/],
    [
      'a value for a field that the version lacks',
      JoinGroupRequest,
      0,
      { rebalanceTimeoutMs: 1, groupInstanceId: 'i' },
      /^UNSUPPORTED_VERSION: .*groupInstanceId/,
    ],
    ['a list for a field that the version lacks', OffsetFetchRequest, 1, { groups: [{}] }, /^UNSUPPORTED_VERSION: .*groups/],
    [
      'a struct for a field that the version lacks',
      FetchRequest,
      14,
      { replicaState: { replicaId: 3 } },
      /^UNSUPPORTED_VERSION: .*replicaState/,
    ],
  ] as const)('refuses %s, saying where', (_, message, version, value, expected) => {
    const [compiled, interpreted] = refusals(message, version, value)
    expect(compiled).toMatch(expected)
    expect(interpreted).toBe(compiled)
  })

  it('drops what an older version lacks when the field is ignorable, and takes defaults as nothing', () => {
    const request = {
      clusterId: 'c',
      rackId: 'r',
      replicaState: { replicaId: -1 },
      forgottenTopicsData: [],
      topics: [{ topic: 't' }],
    }
    expect(refusals(FetchRequest, 4, request)).toEqual(['written', 'written'])
    expect(decode(FetchRequest, 4, encodeWhole(FetchRequest, 4, request))).toMatchObject({
      clusterId: null,
      rackId: '',
      topics: [{ topic: 't' }],
    })
  })

  it('refuses a version that the message does not have, with the range', () => {
    for (const version of [-1, 3, 19, 4.5, Number.NaN]) {
      expect(() => encode(FetchRequest, version, {})).toThrow(/versions 4 to 18/)
      expect(() => decode(FetchRequest, version, new Uint8Array(4))).toThrow(KafkaError)
    }
  })

  it('goes on after a refusal as if nothing had been', () => {
    const value = { groupId: 'g', memberId: 'm', generationId: 4 }
    const before = encodeWhole(HeartbeatRequest, 4, value)
    expect(() => encode(HeartbeatRequest, 4, { groupId: 'g'.repeat(40_000) })).toThrow(ProtocolError)
    expect(encodeWhole(HeartbeatRequest, 4, value)).toEqual(before)
  })
})

describe('what was written', () => {
  it('stays as it is while further messages are written', () => {
    const held = Array.from({ length: 500 }, (_, i) => ({
      i,
      chunks: encode(HeartbeatRequest, 4, { groupId: `group-${i}`, generationId: i }),
    }))
    for (const { i, chunks } of held)
      expect(decode(HeartbeatRequest, 4, Buffer.concat(chunks))).toMatchObject({ groupId: `group-${i}`, generationId: i })
  })

  it('is right where it outgrows its block, in ordinary and in tagged fields', () => {
    for (const count of [1, 200, 5_000]) {
      const nodeEndpoints = Array.from({ length: count }, (_, nodeId) => ({
        nodeId,
        host: `host-${nodeId}.example`,
        port: 9092,
        rack: null,
      }))
      const responses = Array.from({ length: count }, (_, i) => ({
        topic: '',
        topicId: 'AAAAAAAAAAAAAAAAAAAAAQ',
        partitions: [{ partitionIndex: i, records: new Uint8Array(i % 3 === 0 ? 2_000 : 10).fill(i) }],
      }))
      const bytes = Buffer.concat(encode(FetchResponse, 17, { responses, nodeEndpoints }))
      const read = decode(FetchResponse, 17, bytes)
      expect(read.nodeEndpoints).toEqual(nodeEndpoints)
      expect(read.responses).toMatchObject(responses)
    }
  })

  it('has large byte fields as the caller’s own bytes and small ones as a copy', () => {
    const [large, small] = [new Uint8Array(1024), new Uint8Array(1023)]
    const chunks = encode(ProduceRequest, 9, {
      topicData: [{ name: 't', partitionData: [{ records: large }, { records: small }] }],
    })
    expect(chunks.filter(chunk => chunk.buffer === large.buffer)).toHaveLength(1)
    expect(chunks.filter(chunk => chunk.buffer === small.buffer)).toHaveLength(0)
  })
})
