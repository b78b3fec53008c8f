import { MillraceError } from '@millrace/runtime'
import type { Serde } from './serde.ts'

/** Java's Integer: four bytes, big-endian. */
export function int32(): Serde<number> {
  return fixed(
    'int32',
    4,
    (view, value) => view.setInt32(0, value),
    view => view.getInt32(0),
    value => (value | 0) === value,
  )
}

/** Java's Long: eight bytes, big-endian; beyond ±2^53 refused, as JavaScript's numbers end there. */
export function int64(): Serde<number> {
  return fixed(
    'int64',
    8,
    (view, value) => view.setBigInt64(0, BigInt(value)),
    view => Number(view.getBigInt64(0)),
    Number.isSafeInteger,
  )
}

/** Java's Double: eight bytes, big-endian. */
export function float64(): Serde<number> {
  return fixed(
    'float64',
    8,
    (view, value) => view.setFloat64(0, value),
    view => view.getFloat64(0),
    value => typeof value === 'number',
  )
}

function fixed(
  name: string,
  length: number,
  write: (view: DataView, value: number) => void,
  read: (view: DataView) => number,
  valid: (value: number) => boolean,
): Serde<number> {
  return {
    serialize(_topic, value) {
      if (!valid(value)) throw new MillraceError('SERIALIZATION', `${String(value)} is no ${name}`)
      const bytes = new Uint8Array(length)
      write(new DataView(bytes.buffer), value)
      return bytes
    },
    deserialize(_topic, bytes) {
      if (bytes.length !== length)
        throw new MillraceError('DESERIALIZATION', `${bytes.length} bytes are no ${name}, which has ${length}`)
      const value = read(new DataView(bytes.buffer, bytes.byteOffset, length))
      if (!valid(value)) throw new MillraceError('DESERIALIZATION', `${value} is beyond the safe range of ${name}`)
      return value
    },
  }
}
