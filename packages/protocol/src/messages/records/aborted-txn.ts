/** An entry of a `.txnindex` file: an aborted transaction in one segment. */
import { int64, message, type ValueOf } from '../../schema.ts'

export const AbortedTxn = message(
  'AbortedTxn',
  { versions: '0' },
  { producerId: int64(), firstOffset: int64(), lastOffset: int64(), lastStableOffset: int64() },
)

export interface AbortedTxn extends ValueOf<typeof AbortedTxn> {}
