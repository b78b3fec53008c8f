/** A `.snapshot` file: the producers of a partition at an offset. */
import { array, int16, int32, int64, message, uint32, type ValueOf } from '../../schema.ts'

export const ProducerSnapshot = message(
  'ProducerSnapshot',
  { versions: '1' },
  {
    crc: uint32(),
    producerEntries: array({
      producerId: int64(),
      epoch: int16(),
      lastSequence: int32(),
      lastOffset: int64(),
      offsetDelta: int32(),
      timestamp: int64(),
      coordinatorEpoch: int32(),
      currentTxnFirstOffset: int64(),
    }),
  },
)

export interface ProducerSnapshot extends ValueOf<typeof ProducerSnapshot> {}
