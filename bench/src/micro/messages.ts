/**
 * Microseconds a message, for messages with 64 partitions: `node bench/src/micro/messages.ts`. Best of several runs.
 */
import {
  decode,
  encode,
  FetchRequest,
  FetchResponse,
  joined,
  type Message,
  MetadataResponse,
  ProduceRequest,
  ProduceResponse,
} from '@millrace/protocol'

const partitions = Array.from({ length: 64 }, (_, index) => index)
const topicId = 'QyTTTZWtQx2QlCe2XbVRZA'
const batch = new Uint8Array(1200)
const small = new Uint8Array(120)

interface Subject {
  readonly name: string
  readonly message: Message<any>
  readonly version: number
  readonly value: any
}

const fetchPartition = (partition: number) => ({
  partition,
  fetchOffset: 3_000_000_000 + partition,
  currentLeaderEpoch: 5,
  partitionMaxBytes: 1_048_576,
})
const fetchedPartition = (partitionIndex: number, records: Uint8Array) => ({
  partitionIndex,
  highWatermark: 3_000_000_064,
  lastStableOffset: 3_000_000_064,
  logStartOffset: 0,
  records,
})

const subjects: Subject[] = [
  {
    name: 'Fetch request',
    message: FetchRequest,
    version: 12,
    value: { maxWaitMs: 500, topics: [{ topic: 'flights', partitions: partitions.map(fetchPartition) }] },
  },
  {
    name: 'Fetch request, by id',
    message: FetchRequest,
    version: 17,
    value: { maxWaitMs: 500, topics: [{ topicId, partitions: partitions.map(fetchPartition) }] },
  },
  {
    name: 'Fetch response, 1200 bytes each',
    message: FetchResponse,
    version: 17,
    value: { responses: [{ topicId, partitions: partitions.map(index => fetchedPartition(index, batch)) }] },
  },
  {
    name: 'Fetch response, 120 bytes each',
    message: FetchResponse,
    version: 17,
    value: { responses: [{ topicId, partitions: partitions.map(index => fetchedPartition(index, small)) }] },
  },
  {
    name: 'Produce request, 1200 bytes each',
    message: ProduceRequest,
    version: 11,
    value: {
      acks: -1,
      timeoutMs: 30_000,
      topicData: [{ name: 'flights', partitionData: partitions.map(index => ({ index, records: batch })) }],
    },
  },
  {
    name: 'Produce response',
    message: ProduceResponse,
    version: 11,
    value: {
      responses: [{ name: 'flights', partitionResponses: partitions.map(index => ({ index, baseOffset: 3_000_000_000 })) }],
    },
  },
  {
    name: 'Metadata response',
    message: MetadataResponse,
    version: 12,
    value: {
      brokers: [{ nodeId: 1, host: 'localhost', port: 9092 }],
      clusterId: topicId,
      topics: [
        {
          name: 'flights',
          topicId,
          partitions: partitions.map(partitionIndex => ({ partitionIndex, leaderId: 1, replicaNodes: [1], isrNodes: [1] })),
        },
      ],
    },
  },
]

function bestMicroseconds(run: () => unknown): number {
  let best = Infinity
  for (let round = 0; round < 12; round++) {
    const begin = performance.now()
    for (let i = 0; i < 2_000; i++) run()
    best = Math.min(best, ((performance.now() - begin) / 2_000) * 1000)
  }
  return best
}

console.log('64 partitions'.padEnd(36), 'write µs'.padStart(9), 'read µs'.padStart(9), 'bytes'.padStart(8))
for (const { name, message, version, value } of subjects) {
  const bytes = joined(encode(message, version, value))
  const full = decode(message, version, bytes)
  const write = bestMicroseconds(() => encode(message, version, full))
  const read = bestMicroseconds(() => decode(message, version, bytes))
  console.log(name.padEnd(36), write.toFixed(2).padStart(9), read.toFixed(2).padStart(9), String(bytes.length).padStart(8))
}
