import type { Field, Fields, Message } from '../schema.ts'

/** What a version makes of a message's fields: shared by the compiler, the interpreter and the generator of random values. */

/** A named field. */
export interface Member {
  readonly name: string
  readonly field: Field<any>
}

export function isPresent(field: Field<any>, version: number): boolean {
  return field.since <= version && version <= field.until
}

export function isNullable(field: Field<any>, version: number): boolean {
  return field.nullableSince <= version
}

/** Whether each element of an array of these is an object of its own, which takes memory even where it took hardly any bytes. */
export function isObject(element: Field<any>): boolean {
  return element.kind === 'struct' || element.kind === 'bytes' || element.kind === 'records' || element.kind === 'array'
}

/** The byte that stands for a null struct where 1 stands for one that is there: an int8, but a varint within a tagged field. */
export function nullMarker(field: Field<any>): number {
  return field.tag >= 0 ? 0 : -1
}

export function isFlexible(message: Message<any>, version: number): boolean {
  return version >= message.flexibleFrom
}

/** All fields in declared order. */
export function membersOf(fields: Fields): Member[] {
  return Object.entries(fields).map(([name, field]) => ({ name, field }))
}

/** The ordinary fields of a version, in the order of the wire. */
export function plainMembers(fields: Fields, version: number): Member[] {
  return membersOf(fields).filter(({ field }) => field.tag < 0 && isPresent(field, version))
}

/** The tagged fields of a version, by tag. */
export function taggedMembers(fields: Fields, version: number): Member[] {
  return membersOf(fields)
    .filter(({ field }) => field.tag >= 0 && isPresent(field, version))
    .sort((a, b) => a.field.tag - b.field.tag)
}

const scalarSizes: Readonly<Record<string, number>> = {
  bool: 1,
  int8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  float64: 8,
  uuid: 16,
}

/** Bytes of a field whose size does not depend on its value; undefined for others. */
export function fixedSize(field: Field<any>): number | undefined {
  return scalarSizes[field.kind]
}

/** The least bytes a value of the field takes on the wire: what a count is checked against. */
export function minimumSize(field: Field<any>, version: number, flexible: boolean): number {
  const fixed = fixedSize(field)
  if (fixed !== undefined) return fixed
  if (field.kind === 'struct') return isNullable(field, version) ? 1 : minimumStructSize(field.fields!, version, flexible)
  if (flexible && !field.classic) return 1
  return field.kind === 'string' ? 2 : 4
}

function minimumStructSize(fields: Fields, version: number, flexible: boolean): number {
  let size = flexible ? 1 : 0
  for (const { field } of plainMembers(fields, version)) size += minimumSize(field, version, flexible)
  return size
}

/** A fresh default value of a field. */
export function defaultValue(field: Field<any>): any {
  if (field.default === null) return null
  if (field.kind === 'array') return []
  if (field.kind !== 'struct') return field.default
  const value: Record<string, unknown> = {}
  for (const { name, field: member } of membersOf(field.fields!)) value[name] = defaultValue(member)
  return value
}

/**
 * Whether a value (undefined included: left out) is the default of its field. Looks at every member of a struct, whatever the
 * version.
 */
export function isDefault(field: Field<any>, value: any): boolean {
  if (value === undefined) return true
  if (value === null || field.default === null) return value === field.default
  switch (field.kind) {
    case 'array':
      return value.length === 0
    case 'bytes':
    case 'records':
      return value instanceof Uint8Array ? value.length === 0 : value.every((piece: Uint8Array) => piece.length === 0)
    case 'struct':
      return membersOf(field.fields!).every(({ name, field: member }) => isDefault(member, value[name]))
    default:
      return value === field.default
  }
}
