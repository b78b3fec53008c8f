import { ErrorCode, KafkaError } from '@millrace/protocol'

/** Turns values into bytes and back. Structural on purpose: whoever has these methods is one, such as the Avro serdes of the schema registry. */
export interface Serde<T> {
  /** Once a topic, before first use: registers or looks up what is needed. */
  prepare?(topic: string, part: 'key' | 'value'): Promise<void>
  serialize(topic: string, value: T): Uint8Array
  /** A promise only where something unknown must be fetched first. Throws for bytes that are no `T`. */
  deserialize(topic: string, bytes: Uint8Array): T | Promise<T>
}

/** A serde whose reading never waits. */
export interface SyncSerde<T> extends Serde<T> {
  deserialize(topic: string, bytes: Uint8Array): T
}

/** Text as UTF-8. */
export const stringSerde: SyncSerde<string> = {
  serialize: (_topic, value) => Buffer.from(value, 'utf8'),
  deserialize: (_topic, bytes) => bufferOf(bytes).toString('utf8'),
}

/** The bytes themselves, not copied. */
export const bytesSerde: SyncSerde<Uint8Array> = {
  serialize: (_topic, value) => value,
  deserialize: (_topic, bytes) => bytes,
}

/** Eight bytes, big endian, as Kafka's LongSerializer writes them. Numbers within ±2^53. */
export const int64Serde: SyncSerde<number> = {
  serialize(_topic, value) {
    if (!Number.isSafeInteger(value)) throw new KafkaError(ErrorCode.INVALID_RECORD, `${value} is not a whole number within 2^53`)
    const bytes = Buffer.allocUnsafe(8)
    bytes.writeInt32BE(Math.floor(value / 2 ** 32), 0)
    bytes.writeUInt32BE(value >>> 0, 4)
    return bytes
  },
  deserialize(topic, bytes) {
    if (bytes.length !== 8) throw new KafkaError(ErrorCode.INVALID_RECORD, `${bytes.length} bytes in ${topic} are no int64`)
    const buffer = bufferOf(bytes)
    const value = buffer.readInt32BE(0) * 2 ** 32 + buffer.readUInt32BE(4)
    if (!Number.isSafeInteger(value)) throw new KafkaError(ErrorCode.INVALID_RECORD, `An int64 in ${topic} is beyond 2^53`)
    return value
  },
}

/** JSON text. The type is the caller's claim: nothing is checked when reading. */
export function jsonSerde<T = unknown>(): SyncSerde<T> {
  return {
    serialize(topic, value) {
      const text = JSON.stringify(value)
      if (text === undefined) throw new KafkaError(ErrorCode.INVALID_RECORD, `A value for ${topic} has no JSON form`)
      return Buffer.from(text, 'utf8')
    },
    deserialize(topic, bytes) {
      try {
        return JSON.parse(bufferOf(bytes).toString('utf8')) as T
      } catch (error) {
        throw new KafkaError(ErrorCode.INVALID_RECORD, `A record in ${topic} is not JSON`, { cause: error })
      }
    },
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
