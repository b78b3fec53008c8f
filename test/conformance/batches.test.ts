import {
  BatchBuilder,
  BatchView,
  type CompressionCodec,
  ControlType,
  compressionCodecs,
  transactionMarker,
  validateProduced,
} from '@millrace/protocol'
import { describeBatch } from '@millrace/protocol/internal'
import { beforeAll, describe, expect, it } from 'vitest'
import { runJava } from './kafka-peer.ts'

const kinds = ['plain', 'idempotent', 'transactional', 'append-time', 'horizon', 'gaps']
const shapes = [
  { count: 1, valueBytes: 0 },
  { count: 7, valueBytes: 40 },
  { count: 200, valueBytes: 300 },
  { count: 90, valueBytes: 9000 },
]

const written = compressionCodecs.flatMap((codec, c) =>
  kinds.flatMap((kind, k) => shapes.map((shape, s) => ({ codec, kind, ...shape, seed: 100 * c + 10 * k + s }))),
)
const markers = [
  {
    type: 'COMMIT',
    offset: 77,
    timestampMs: 1_700_000_000_123,
    leaderEpoch: 3,
    producerId: 4000,
    producerEpoch: 2,
    coordinatorEpoch: 9,
  },
  {
    type: 'ABORT',
    offset: 0,
    timestampMs: 1,
    leaderEpoch: 0,
    producerId: 5_000_000_000,
    producerEpoch: 32_000,
    coordinatorEpoch: 0,
  },
] as const

const viewOf = (hex: string) => BatchView.at(Buffer.from(hex, 'hex'), 0)!

/** The records of a batch, put together again by us. */
function rebuilt(batch: BatchView, compression: CompressionCodec): Uint8Array {
  const builder = new BatchBuilder({
    compression,
    maxBytes: 2 ** 30,
    baseOffset: batch.baseOffset,
    partitionLeaderEpoch: batch.partitionLeaderEpoch,
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    transactional: batch.isTransactional,
  })
  const cursor = batch.records()
  while (cursor.next()) {
    builder.appendAt(cursor.offset - batch.baseOffset, cursor.timestamp, cursor.key(), cursor.value(), cursor.headers())
  }
  return builder.build()
}

describe('our record batches beside Apache Kafka’s', () => {
  let kafkaWrote: { hex: string; text: string }[]
  let kafkaReads: string[]
  let kafkaMarkers: string[]
  let kafkaReadsMarkers: string[]
  const oursOf = (hex: string, codec: CompressionCodec) => Buffer.from(rebuilt(viewOf(hex), codec)).toString('hex')
  const ourMarkers = markers.map(({ type, offset, leaderEpoch, coordinatorEpoch, ...rest }) =>
    Buffer.from(
      transactionMarker(ControlType[type], coordinatorEpoch, { baseOffset: offset, partitionLeaderEpoch: leaderEpoch, ...rest }),
    ).toString('hex'),
  )

  beforeAll(async () => {
    const answers = await runJava('Batches.java', [
      ...written.map(({ codec, count, valueBytes, seed, kind }) => `write ${codec} ${count} ${valueBytes} ${seed} ${kind}`),
      ...markers.map(
        m =>
          `marker ${m.type} ${m.offset} ${m.timestampMs} ${m.leaderEpoch} ${m.producerId} ${m.producerEpoch} ${m.coordinatorEpoch}`,
      ),
      ...ourMarkers.map(hex => `read-marker ${hex}`),
    ])
    kafkaWrote = answers.slice(0, written.length).map(answer => {
      const [hex, text] = answer.split(' ')
      return { hex: hex!, text: text! }
    })
    kafkaMarkers = answers.slice(written.length, written.length + markers.length)
    kafkaReadsMarkers = answers.slice(written.length + markers.length)
    kafkaReads = await runJava(
      'Batches.java',
      written.map(({ codec }, index) => `read ${oursOf(kafkaWrote[index]!.hex, codec)}`),
    )
  })

  it.each(written.map((shape, index) => ({ ...shape, index })))(
    'read what Kafka wrote: $codec, $kind, $count records up to $valueBytes bytes',
    ({ index }) => {
      const { hex, text } = kafkaWrote[index]!
      const batch = viewOf(hex)
      expect(batch.isCrcValid()).toBe(true)
      expect(batch.sizeInBytes).toBe(hex.length / 2)
      expect(describeBatch(batch)).toBe(text)
    },
  )

  it('are read by Kafka as we read them', () => {
    for (const [index, { codec }] of written.entries()) {
      const ours = oursOf(kafkaWrote[index]!.hex, codec)
      expect(kafkaReads[index]).toBe(describeBatch(viewOf(ours)))
    }
  })

  it('are the same bytes without compression', () => {
    for (const [index, { kind, codec }] of written.entries()) {
      if (codec !== 'none' || kind === 'append-time' || kind === 'horizon') continue
      const { hex } = kafkaWrote[index]!
      expect(oursOf(hex, 'none')).toBe(hex)
    }
  })

  it('are taken by our check of produced batches, and recompressed to what Kafka reads', async () => {
    const commands: string[] = []
    const expected: string[] = []
    for (const [index, { kind, codec }] of written.entries()) {
      if (!['plain', 'idempotent', 'transactional'].includes(kind)) continue
      const target = compressionCodecs[(compressionCodecs.indexOf(codec) + 1) % compressionCodecs.length]!
      const bytes = Buffer.from(kafkaWrote[index]!.hex, 'hex')
      const checked = validateProduced(
        bytes,
        { maxMessageBytes: 2 ** 24, compressionType: target, timestampType: 'LogAppendTime' },
        5000,
      )
      commands.push(`read ${Buffer.from(checked.bytes).toString('hex')}`)
      expected.push(describeBatch(BatchView.at(checked.bytes, 0)!))
      expect(BatchView.at(checked.bytes, 0)).toMatchObject({
        compression: target,
        timestampType: 'LogAppendTime',
        maxTimestamp: 5000,
      })
    }
    expect(await runJava('Batches.java', commands)).toEqual(expected)
  })

  it('mark the end of transactions in the same bytes', () => {
    expect(ourMarkers).toEqual(kafkaMarkers)
    expect(kafkaReadsMarkers).toEqual(markers.map(({ type, coordinatorEpoch }) => `${type} ${coordinatorEpoch}`))
  })
})
