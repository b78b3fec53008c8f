import { KafkaError } from '../errors/kafka-error.ts'
import type { Draft, Message } from '../schema.ts'
import { compileReader, type Reader } from './compile-reader.ts'
import { compileWriter, type Writer } from './compile-writer.ts'
import { failShort, failTrailing } from './faults.ts'
import { Input } from './input.ts'
import { interpretReader, interpretWriter } from './interpret.ts'
import { Output } from './output.ts'

/** The codecs of one message by version; made when first used. */
interface Codecs {
  readonly readers: (Reader | undefined)[]
  readonly writers: (Writer | undefined)[]
}

const codecs = new WeakMap<Message<any>, Codecs>()

function codecsOf(message: Message<any>): Codecs {
  let known = codecs.get(message)
  if (known === undefined) codecs.set(message, (known = { readers: [], writers: [] }))
  return known
}

function checkVersion(message: Message<any>, version: number): void {
  const { min, max } = message.versions
  if (!(Number.isInteger(version) && version >= min && version <= max))
    throw new KafkaError(35, `${message.name} has versions ${min} to ${max}, not ${version}`)
}

/** Where the runtime does not let text become code, the interpreter does the work. */
function compiledOr<T>(compile: () => T, interpret: () => T): T {
  try {
    return compile()
  } catch (error) {
    if (error instanceof EvalError) return interpret()
    throw error
  }
}

/** The reader of a version: compiled when first asked for. */
export function readerOf(message: Message<any>, version: number): Reader {
  const { readers } = codecsOf(message)
  const known = readers[version]
  if (known !== undefined) return known
  checkVersion(message, version)
  return (readers[version] = compiledOr(
    () => compileReader(message, version),
    () => interpretReader(message, version),
  ))
}

/** The writer of a version: compiled when first asked for. */
export function writerOf(message: Message<any>, version: number): Writer {
  const { writers } = codecsOf(message)
  const known = writers[version]
  if (known !== undefined) return known
  checkVersion(message, version)
  return (writers[version] = compiledOr(
    () => compileWriter(message, version),
    () => interpretWriter(message, version),
  ))
}

/**
 * The body of a message as a list of chunks. Byte fields of 1 KiB and more are chunks of their own, the caller's bytes without a
 * copy: they must not change until the chunks are sent. Throws KafkaError UNSUPPORTED_VERSION for a version that the message
 * does not have or that cannot carry a value, ProtocolError for a value that its field cannot hold.
 */
export function encode<T>(message: Message<T>, version: number, value: Draft<T>): Uint8Array[] {
  const output = new Output()
  writerOf(message, version)(output, value)
  return output.finish()
}

/** As `encode`, in one piece. */
export function encodeWhole<T>(message: Message<T>, version: number, value: Draft<T>): Uint8Array {
  return joined(encode(message, version, value))
}

/** One piece of several; the piece itself, without a copy, when there is one. */
export function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return chunks.length === 1 ? chunks[0]! : new Uint8Array(Buffer.concat(chunks))
}

/**
 * Reads a message from `offset` to the end of the bytes. Byte fields are views into `bytes`. Throws ProtocolError for bytes that
 * are not exactly one message, KafkaError UNSUPPORTED_VERSION for a version that the message does not have.
 */
export function decode<T>(message: Message<T>, version: number, bytes: Uint8Array, offset = 0): T {
  const input = new Input(bytes, offset)
  const value = readValue(message, version, input)
  if (input.position !== bytes.length) failTrailing(message.name, version, bytes.length - input.position)
  return value
}

/** As `decode`, for a message that other bytes may follow; `end` is the offset of the first of them. */
export function decodePrefix<T>(message: Message<T>, version: number, bytes: Uint8Array, offset = 0): { value: T; end: number } {
  const input = new Input(bytes, offset)
  const value = readValue(message, version, input)
  return { value, end: input.position }
}

function readValue<T>(message: Message<T>, version: number, input: Input): T {
  const read = readerOf(message, version)
  try {
    return read(input)
  } catch (error) {
    // A DataView says so when the bytes end: cheaper than asking before each field.
    if (error instanceof RangeError) failShort(message.name, version, error)
    throw error
  }
}
