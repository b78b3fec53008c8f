import type { Field, Fields, Message } from '../schema.ts'
import { putUuid, readUuid } from '../uuid.ts'
import { putUvarint } from '../varint.ts'
import * as faults from './faults.ts'
import type { Input } from './input.ts'
import {
  defaultValue,
  fixedSize,
  isDefault,
  isFlexible,
  isNullable,
  isObject,
  isPresent,
  membersOf,
  minimumSize,
  nullMarker,
  plainMembers,
  taggedMembers,
} from './layout.ts'
import { maxArrayElements, maxStringBytes, maxTaggedFields, minAttachedBytes } from './limits.ts'
import { bytesLength, type Output } from './output.ts'
import { putCompactText, putText, readText } from './text.ts'

/**
 * The codecs as a walk over the declaration: the reference that the compiled form is tested against, and what runs where code
 * may not be made from text.
 */

/** What stays the same within one version of one message. */
interface Walk {
  readonly version: number
  readonly flexible: boolean
}

/** Reads one version of a message at `input.position` and moves it behind. */
export function interpretReader(message: Message<any>, version: number): (input: Input) => any {
  const walk = { version, flexible: isFlexible(message, version) }
  return input => readStruct(walk, input, message.fields, message.name)
}

/** Writes one version of a message at `output.position` and moves it behind. */
export function interpretWriter(message: Message<any>, version: number): (output: Output, value: any) => void {
  const walk = { version, flexible: isFlexible(message, version) }
  return (output, value) => writeStruct(walk, output, message.fields, value, message.name)
}

function readStruct(walk: Walk, input: Input, fields: Fields, path: string): any {
  const value: Record<string, unknown> = {}
  for (const { name, field } of membersOf(fields)) value[name] = defaultValue(field)
  for (const { name, field } of plainMembers(fields, walk.version)) value[name] = readField(walk, input, field, `${path}.${name}`)
  if (walk.flexible) readTagged(walk, input, fields, value, path)
  return value
}

function readField(walk: Walk, input: Input, field: Field<any>, path: string): any {
  const { view } = input
  const at = input.position
  const fixed = fixedSize(field)
  if (fixed !== undefined) {
    input.position += fixed
    switch (field.kind) {
      case 'bool':
        return view.getUint8(at) !== 0
      case 'int8':
        return view.getInt8(at)
      case 'int16':
        return view.getInt16(at)
      case 'uint16':
        return view.getUint16(at)
      case 'int32':
        return view.getInt32(at)
      case 'uint32':
        return view.getUint32(at)
      case 'float64':
        return view.getFloat64(at)
      case 'uuid':
        return readUuid(view, at)
      default:
        return readInt64(view, at, field, path)
    }
  }
  if (field.kind === 'struct') {
    if (!isNullable(field, walk.version)) return readStruct(walk, input, field.fields!, path)
    const marker = view.getInt8(at)
    input.position += 1
    if (marker === nullMarker(field)) return null
    if (marker !== 1) faults.failPresence(path, marker)
    return readStruct(walk, input, field.fields!, path)
  }
  const length = readLength(walk, input, field)
  if (length === -1) {
    if (!isNullable(field, walk.version)) faults.failNull(path)
    return null
  }
  if (length < 0) faults.failLength(path, length)
  return field.kind === 'array' ? readElements(walk, input, field.element!, length, path) : readBytes(input, field, length, path)
}

function readInt64(view: DataView, at: number, field: Field<any>, path: string): number {
  const value = view.getInt32(at) * 4294967296 + view.getUint32(at + 4)
  if (field.unbounded && value === 2 ** 63) return Infinity
  if (!Number.isSafeInteger(value)) faults.failInt64(path)
  return value
}

/** The length of a string, of bytes or of an array; −1 for null. */
function readLength(walk: Walk, input: Input, field: Field<any>): number {
  const at = input.position
  if (walk.flexible && !field.classic) return readUvarint(input) - 1
  input.position += field.kind === 'string' ? 2 : 4
  return field.kind === 'string' ? input.view.getInt16(at) : input.view.getInt32(at)
}

/** As the compiled form, an end of the bytes at the first byte is a RangeError of the view. */
function readUvarint(input: Input): number {
  input.view.getUint8(input.position)
  return input.uvarintFrom(input.position)
}

function readBytes(input: Input, field: Field<any>, length: number, path: string): string | Uint8Array {
  const at = input.position
  if (length > input.bytes.length - at || (field.kind === 'string' && length > maxStringBytes)) faults.failLength(path, length)
  input.position += length
  return field.kind === 'string'
    ? readText(input.bytes, at, length)
    : new Uint8Array(input.bytes.buffer, input.bytes.byteOffset + at, length)
}

function readElements(walk: Walk, input: Input, element: Field<any>, count: number, path: string): unknown[] {
  const least = Math.max(1, minimumSize(element, walk.version, walk.flexible))
  if (count > maxArrayElements || count * least > input.bytes.length - input.position) faults.failCount(path, count)
  if (isObject(element) && (input.objects -= count) < 0) faults.failBudget(path)
  const elements: unknown[] = []
  for (let i = 0; i < count; i++) elements.push(readField(walk, input, element, `${path}[]`))
  return elements
}

function readTagged(walk: Walk, input: Input, fields: Fields, value: Record<string, unknown>, path: string): void {
  const members = taggedMembers(fields, walk.version)
  const count = readUvarint(input)
  if (count > maxTaggedFields || count * 2 > input.bytes.length - input.position) faults.failTagCount(path, count)
  let last = -1
  for (let i = 0; i < count; i++) {
    const tag = readUvarint(input)
    if (tag <= last) faults.failTagOrder(path, tag)
    last = tag
    const size = readUvarint(input)
    if (size > input.bytes.length - input.position) faults.failTagSize(path, tag)
    const end = input.position + size
    const member = members.find(({ field }) => field.tag === tag)
    if (member === undefined) input.position = end
    else value[member.name] = readField(walk, input, member.field, `${path}.${member.name}`)
    if (input.position !== end) faults.failTagSize(path, tag)
  }
}

function writeStruct(walk: Walk, output: Output, fields: Fields, value: any, path: string): void {
  for (const { name, field } of membersOf(fields)) {
    if (!isPresent(field, walk.version) && !field.ignorable && !isDefault(field, value[name]))
      faults.failUnsupported(`${path}.${name}`, walk.version)
  }
  for (const { name, field } of plainMembers(fields, walk.version))
    writeField(walk, output, field, value[name], `${path}.${name}`)
  if (walk.flexible) writeTagged(walk, output, fields, value, path)
}

function writeField(walk: Walk, output: Output, field: Field<any>, value: any, path: string): void {
  if (value === undefined) value = field.kind === 'struct' && field.default === undefined ? {} : defaultValue(field)
  if (fixedSize(field) !== undefined) writeScalar(output, field, value, path)
  else if (field.kind === 'struct') writeNullableStruct(walk, output, field, value, path)
  else if (value === null) {
    if (!isNullable(field, walk.version)) faults.failNull(path)
    writeLength(walk, output, field, -1)
  } else if (field.kind === 'string') writeString(walk, output, field, value, path)
  else if (field.kind === 'array') {
    if (!(value.length <= maxArrayElements)) faults.failCount(path, value.length)
    writeLength(walk, output, field, value.length)
    for (const element of value) writeField(walk, output, field.element!, element, `${path}[]`)
  } else {
    const length = bytesLength(value)
    writeLength(walk, output, field, length)
    room(output, length < minAttachedBytes ? length : 0)
    output.position = output.put(output.position, value, length)
  }
}

function writeNullableStruct(walk: Walk, output: Output, field: Field<any>, value: any, path: string): void {
  if (isNullable(field, walk.version)) {
    room(output, 1)
    output.view.setInt8(output.position, value === null ? nullMarker(field) : 1)
    output.position += 1
    if (value === null) return
  } else if (value === null) faults.failNull(path)
  writeStruct(walk, output, field.fields!, value, path)
}

const integerRanges: Readonly<Record<string, readonly [number, number]>> = {
  int8: [-0x80, 0x7f],
  int16: [-0x8000, 0x7fff],
  uint16: [0, 0xffff],
  int32: [-0x80000000, 0x7fffffff],
  uint32: [0, 0xffffffff],
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
}

function writeScalar(output: Output, field: Field<any>, value: any, path: string): void {
  const size = fixedSize(field)!
  room(output, size)
  const { view, position: at } = output
  output.position += size
  if (field.unbounded && value === Infinity) {
    view.setInt32(at, 0x7fffffff)
    view.setInt32(at + 4, -1)
    return
  }
  const range = integerRanges[field.kind]
  if (range !== undefined && !(Number.isInteger(value) && value >= range[0] && value <= range[1]))
    faults.failValue(path, field.kind, value)
  switch (field.kind) {
    case 'bool':
      view.setUint8(at, value ? 1 : 0)
      break
    case 'int8':
      view.setInt8(at, value)
      break
    case 'int16':
      view.setInt16(at, value)
      break
    case 'uint16':
      view.setUint16(at, value)
      break
    case 'int32':
      view.setInt32(at, value)
      break
    case 'uint32':
      view.setUint32(at, value)
      break
    case 'float64':
      view.setFloat64(at, value)
      break
    case 'uuid':
      putUuid(output.bytes, at, value)
      break
    default:
      view.setInt32(at, Math.floor(value / 4294967296))
      view.setInt32(at + 4, value)
  }
}

function writeString(walk: Walk, output: Output, field: Field<any>, value: any, path: string): void {
  if (typeof value !== 'string' || value.length > maxStringBytes) faults.failText(path, value)
  room(output, value.length * 3 + 5)
  const put = walk.flexible && !field.classic ? putCompactText : putText
  output.position = put(output.bytes, output.position, value)
}

function writeLength(walk: Walk, output: Output, field: Field<any>, length: number): void {
  room(output, 5)
  const at = output.position
  if (walk.flexible && !field.classic) {
    output.position = putUvarint(output.bytes, at, length + 1)
  } else if (field.kind === 'string') {
    output.view.setInt16(at, length)
    output.position += 2
  } else {
    output.view.setInt32(at, length)
    output.position += 4
  }
}

function writeTagged(walk: Walk, output: Output, fields: Fields, value: any, path: string): void {
  const members = taggedMembers(fields, walk.version).filter(({ name, field }) => !isDefault(field, value[name]))
  room(output, 5)
  output.position = putUvarint(output.bytes, output.position, members.length)
  for (const { name, field } of members) {
    room(output, 10)
    const start = (output.position = putUvarint(output.bytes, output.position, field.tag))
    const chunkCount = output.chunks.length
    output.position += 5
    writeField(walk, output, field, value[name], `${path}.${name}`)
    output.position = output.closeTagged(output.position, chunkCount, start)
  }
}

function room(output: Output, need: number): void {
  if (output.position + need > output.limit) output.position = output.grow(output.position, need)
}
