import { KafkaError } from '../errors/kafka-error.ts'
import { ProtocolError } from '../protocol-error.ts'
import { maxArrayElements, maxMessageObjects, maxStringBytes, maxTaggedFields } from './limits.ts'

/**
 * Every way in which encoding or decoding fails, for the compiled and the interpreted form alike. `path`:
 * `FetchRequest.topics[].topic`.
 */

export function failNull(path: string): never {
  throw new ProtocolError(`${path} is null where this version has no null`)
}

export function failLength(path: string, length: number): never {
  throw new ProtocolError(`${path} has a length of ${length}, which is not possible here`)
}

export function failCount(path: string, count: number): never {
  if (count === undefined) throw new ProtocolError(`${path} is an array, and its value is none`)
  if (count > maxArrayElements) throw new ProtocolError(`${path} has ${count} elements, more than ${maxArrayElements}`)
  throw new ProtocolError(`${path} claims ${count} elements, more than the bytes that are left can hold`)
}

export function failBudget(path: string): never {
  throw new ProtocolError(`at ${path} the message has more than ${maxMessageObjects} objects`)
}

export function failTagCount(path: string, count: number): never {
  throw new ProtocolError(
    `${path} has ${count} tagged fields, more than ${maxTaggedFields} or than the bytes that are left can hold`,
  )
}

export function failTagOrder(path: string, tag: number): never {
  throw new ProtocolError(`${path} has tagged field ${tag} twice or out of order`)
}

export function failTagSize(path: string, tag: number): never {
  throw new ProtocolError(`${path} has tagged field ${tag} with a size that is not that of its content`)
}

export function failPresence(path: string, marker: number): never {
  throw new ProtocolError(`${path} begins with ${marker}, which stands neither for a value nor for null`)
}

export function failInt64(path: string): never {
  throw new ProtocolError(`${path} is beyond 2^53, where numbers are no longer exact`)
}

export function failValue(path: string, kind: string, value: unknown): never {
  throw new ProtocolError(`${path} is an ${kind}, and ${String(value)} is none`)
}

export function failText(path: string, value: unknown): never {
  if (typeof value === 'string')
    throw new ProtocolError(`${path} has ${value.length} characters, more than ${maxStringBytes} bytes`)
  throw new ProtocolError(`${path} is a string, and ${typeof value} is none`)
}

/** As Kafka's classes: a value that a version cannot carry is refused, not dropped, unless the field is ignorable. */
export function failUnsupported(path: string, version: number): never {
  throw new KafkaError(35, `version ${version} has no ${path}, and its value is not the default`)
}

/** The end of the bytes was met before the end of the message. */
export function failShort(message: string, version: number, cause?: unknown): never {
  throw new ProtocolError(`${message} version ${version} ends too early`, cause === undefined ? {} : { cause })
}

export function failTrailing(message: string, version: number, count: number): never {
  throw new ProtocolError(`${count} bytes are left behind ${message} version ${version}`)
}
