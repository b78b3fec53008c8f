import type { Serde } from '@millrace/client'
import { MillraceError } from '@millrace/runtime'
import avsc from 'avsc'
import { canonicalText } from './avro/canonical.ts'
import { codecSchema } from './avro/codec-schema.ts'
import { parseSchema } from './avro/parse.ts'
import { RegistryClient } from './http-client.ts'
import type { ValueOf } from './infer.ts'

export interface AvroOptions {
  /** The registry, or its URL. */
  readonly registry: RegistryClient | string
  /** The subject of a topic's key or value; default Confluent's TopicNameStrategy `topic-value`. */
  readonly subject?: (topic: string, part: 'key' | 'value') => string
  /** Default true: an unknown schema is registered. Otherwise it must be there already. */
  readonly autoRegister?: boolean
}

export interface AvroSerde<T> extends Serde<T> {
  /** `deserialize` for a value in a larger buffer, which for the records of a batch is one: no view a record. Nothing of it is kept but the last buffer. */
  deserializeSlice(topic: string, bytes: Uint8Array, start: number, length: number): T | Promise<T>
}

/** A record that cannot be written or read with its schema. */
export class AvroError extends MillraceError {
  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super('AVRO', message, options)
  }
}

const magicByte = 0
const prefixBytes = 5
const initialBytes = 1024
const maxValueBytes = 64 * 1024 * 1024

/** Decodes the value between two offsets. */
type Reader = (bytes: Buffer, start: number, end: number) => unknown

/**
 * Avro values in Confluent's wire format (a zero byte, the schema's id, the value) for a topic's keys or values. The type of the values comes from
 * the schema literal. `prepare` registers the schema; `deserialize` reads what any compatible schema wrote, resolved to this one: a promise
 * only for the first record of a schema that has to be fetched.
 */
export function avro<const S>(schema: S, options: AvroOptions): AvroSerde<ValueOf<S>> {
  return new ConfluentAvro<ValueOf<S>>(JSON.stringify(schema), options)
}

class ConfluentAvro<T> implements AvroSerde<T> {
  readonly #text: string
  readonly #type: avsc.Type
  readonly #registry: RegistryClient
  readonly #options: AvroOptions
  readonly #idByTopic = new Map<string, number>()
  readonly #readers = new Map<number, Reader>()
  #buffer = Buffer.allocUnsafeSlow(initialBytes)
  #lastTopic = ''
  #lastId = -1
  /** What `deserializeSlice` read last, and a Buffer over it. */
  #lastBytes: Uint8Array | null = null
  #lastView: Buffer = this.#buffer

  constructor(text: string, options: AvroOptions) {
    const schema = parseSchema(text)
    this.#text = canonicalText(schema)
    this.#type = avsc.Type.forSchema(codecSchema(schema) as avsc.Schema)
    this.#registry = typeof options.registry === 'string' ? new RegistryClient({ url: options.registry }) : options.registry
    this.#options = options
  }

  async prepare(topic: string, part: 'key' | 'value'): Promise<void> {
    const subject = this.#options.subject?.(topic, part) ?? `${topic}-${part}`
    if (this.#options.autoRegister ?? true) this.#idByTopic.set(topic, await this.#registry.register(subject, this.#text))
    else {
      const found = await this.#registry.request<{ id: number }>('POST', `/subjects/${encodeURIComponent(subject)}`, {
        schema: this.#text,
      })
      this.#idByTopic.set(topic, found.id)
    }
    this.#lastTopic = ''
  }

  /** The bytes are a fresh copy: the caller's. */
  serialize(topic: string, value: T): Uint8Array {
    if (topic !== this.#lastTopic) this.#select(topic)
    let end = this.#encode(value)
    if (end < 0) {
      // avsc says by how much the buffer is short.
      const needed = this.#buffer.length - end
      if (needed > maxValueBytes) throw new AvroError(`A value of ${needed} bytes is above the limit of ${maxValueBytes}`)
      this.#buffer = Buffer.allocUnsafeSlow(needed * 2)
      end = this.#encode(value)
    }
    this.#buffer[0] = magicByte
    this.#buffer.writeInt32BE(this.#lastId, 1)
    return Uint8Array.prototype.slice.call(this.#buffer, 0, end)
  }

  deserialize(topic: string, bytes: Uint8Array): T | Promise<T> {
    return this.#read(topic, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.byteLength)
  }

  deserializeSlice(topic: string, bytes: Uint8Array, start: number, length: number): T | Promise<T> {
    if (bytes !== this.#lastBytes) {
      this.#lastBytes = bytes
      this.#lastView = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    }
    return this.#read(topic, this.#lastView, start, start + length)
  }

  #read(topic: string, buffer: Buffer, start: number, end: number): T | Promise<T> {
    if (end - start < prefixBytes || buffer[start] !== magicByte) {
      throw new AvroError(`Unknown magic byte in a record of ${topic}`, {
        hint: "the record was not written in Confluent's wire format",
      })
    }
    const id = buffer.readInt32BE(start + 1)
    const read = this.#readers.get(id)
    if (read) return read(buffer, start + prefixBytes, end) as T
    return this.#readerOf(id, topic).then(reader => reader(buffer, start + prefixBytes, end) as T)
  }

  #select(topic: string): void {
    const id = this.#idByTopic.get(topic)
    if (id === undefined)
      throw new AvroError(`The schema is not registered for topic ${topic}`, { hint: `await prepare('${topic}', …) first` })
    this.#lastTopic = topic
    this.#lastId = id
  }

  #encode(value: T): number {
    try {
      return this.#type.encode(value, this.#buffer, prefixBytes)
    } catch (error) {
      const problems: string[] = []
      this.#type.isValid(value, {
        errorHook: (path, bad, type) => void problems.push(`${path.join('.') || 'value'}: ${JSON.stringify(bad)} is not ${type}`),
      })
      throw new AvroError(`A value does not fit its schema: ${problems.slice(0, 3).join('; ') || (error as Error).message}`, {
        cause: error,
      })
    }
  }

  async #readerOf(id: number, topic: string): Promise<Reader> {
    const writer = await this.#registry.schemaById(id)
    const known = this.#readers.get(id)
    if (known) return known
    const reader = this.#makeReader(writer, id, topic)
    this.#readers.set(id, reader)
    return reader
  }

  #makeReader(writer: string, id: number, topic: string): Reader {
    const type = this.#type
    if (writer === this.#text) return (bytes, start, end) => decode(type, bytes, start, end, undefined, topic)
    const target = parseSchema(this.#text)
    const writerType = avsc.Type.forSchema(codecSchema(parseSchema(writer), { target }) as avsc.Schema)
    const readerType = avsc.Type.forSchema(codecSchema(target, { forResolving: true }) as avsc.Schema)
    let resolver: avsc.Resolver
    try {
      resolver = readerType.createResolver(writerType)
    } catch (error) {
      throw new AvroError(
        `Schema ${id} of a record of ${topic} cannot be read with the schema of the application: ${(error as Error).message}`,
        { cause: error },
      )
    }
    return (bytes, start, end) => decode(readerType, bytes, start, end, resolver, topic)
  }
}

function decode(
  type: avsc.Type,
  bytes: Buffer,
  start: number,
  end: number,
  resolver: avsc.Resolver | undefined,
  topic: string,
): unknown {
  let decoded: { value: unknown; offset: number }
  try {
    decoded = type.decode(bytes, start, resolver)
  } catch (error) {
    throw new AvroError(`A record of ${topic} is not what its schema says: ${(error as Error).message}`, { cause: error })
  }
  // avsc says -1 when the buffer ends too early; the value may end before the buffer does.
  if (decoded.offset !== end) {
    const isShort = decoded.offset < 0 || decoded.offset > end
    throw new AvroError(`A record of ${topic} is ${isShort ? 'shorter' : 'longer'} than its schema says`)
  }
  return decoded.value
}
