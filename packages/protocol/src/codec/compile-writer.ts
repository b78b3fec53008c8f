import type { Field, Fields, Message } from '../schema.ts'
import { putUuid } from '../uuid.ts'
import { putUvarint } from '../varint.ts'
import * as faults from './faults.ts'
import { defaultSource, GeneratedSource, identifier, quoted } from './generated-source.ts'
import { fixedSize, isNullable, isPresent, type Member, membersOf, nullMarker, plainMembers, taggedMembers } from './layout.ts'
import { maxArrayElements, maxStringBytes, minAttachedBytes } from './limits.ts'
import { bytesLength, type Output } from './output.ts'
import { putCompactText, putText } from './text.ts'

/** Writes a value at `output.position` and moves it behind. */
export type Writer = (output: Output, value: any) => void

/** What generated writers may call. */
const runtime = { ...faults, bytesLength, putCompactText, putText, putUuid, putUvarint, noBytes: new Uint8Array(0) }

/** Straight-line code that writes one version of a message. Only names and numbers of the declaration enter the text. */
export function compileWriter(message: Message<any>, version: number): Writer {
  const source = new WriterSource(message, version).text()
  return new Function(...Object.keys(runtime), source)(...Object.values(runtime))
}

/** The room that a field needs whatever its value: all of it where its size is fixed, else its length or its presence byte. */
function fixedRoom(field: Field<any>): number {
  return fixedSize(field) ?? (field.kind === 'struct' ? 1 : 5)
}

class WriterSource extends GeneratedSource {
  text(): string {
    this.add('return function write(out, o) {')
    this.add('let bytes = out.bytes, view = out.view, limit = out.limit, p = out.position, n = 0')
    this.#struct(this.message.fields, 'o', this.message.name, 0)
    this.add('out.position = p')
    this.add('}')
    return this.lines()
  }

  /** Sees to it that `need` bytes (an expression) fit. */
  #room(need: string): void {
    this.add(`if (p + ${need} > limit) { p = out.grow(p, ${need}); bytes = out.bytes; view = out.view; limit = out.limit }`)
  }

  /** Writes a struct; `room`: bytes that must be there behind it. */
  #struct(fields: Fields, object: string, path: string, room: number): void {
    for (const member of membersOf(fields)) if (!isPresent(member.field, this.version)) this.#absent(member, object, path)
    const members = plainMembers(fields, this.version)
    const rooms = members.map(({ field }) => fixedRoom(field))
    let rest = rooms.reduce((sum, size) => sum + size, 0) + (this.flexible ? 2 : 0) + room
    this.#room(String(rest))
    members.forEach((member, i) => {
      rest -= rooms[i]!
      const value = this.name('v')
      this.add(`let ${value} = ${object}.${identifier(member.name)}`)
      this.#field(member.field, value, this.path(path, member), rest)
    })
    if (this.flexible) this.#tagged(fields, object, path, room)
  }

  #absent(member: Member, object: string, path: string): void {
    if (member.field.ignorable) return
    const value = this.name('v')
    this.add(`const ${value} = ${object}.${identifier(member.name)}`)
    this.add(
      `if (!(${this.#isDefault(member.field, value)})) failUnsupported(${quoted(this.path(path, member))}, ${this.version})`,
    )
  }

  #isDefault(field: Field<any>, value: string): string {
    if (field.default === null) return `${value} === undefined || ${value} === null`
    switch (field.kind) {
      case 'array':
        return `${value} === undefined || (${value} !== null && ${value}.length === 0)`
      case 'bytes':
      case 'records':
        return `${value} === undefined || (${value} !== null && bytesLength(${value}) === 0)`
      case 'struct': {
        const members = membersOf(field.fields!).map(
          ({ name, field: member }) => `(${this.#isDefault(member, `${value}.${identifier(name)}`)})`,
        )
        return `${value} === undefined || (${value} !== null && ${['true', ...members].join(' && ')})`
      }
      default:
        return `${value} === undefined || ${value} === ${defaultSource(field)}`
    }
  }

  /** Writes a value that stands in a variable. Its fixed room is there; behind it `rest` bytes are, and must be again. */
  #field(field: Field<any>, value: string, path: string, rest: number): void {
    const compact = this.isCompact(field)
    switch (field.kind) {
      case 'bool':
        this.add(`bytes[p] = ${field.default === true ? `${value} === undefined || ${value}` : value} ? 1 : 0; p += 1`)
        return
      case 'int8':
        this.#integer(field, value, path, `${value} << 24 >> 24`)
        this.add(`view.setInt8(p, ${value}); p += 1`)
        return
      case 'int16':
        this.#integer(field, value, path, `${value} << 16 >> 16`)
        this.add(`view.setInt16(p, ${value}); p += 2`)
        return
      case 'uint16':
        this.#integer(field, value, path, `${value} & 65535`)
        this.add(`view.setUint16(p, ${value}); p += 2`)
        return
      case 'int32':
        this.#integer(field, value, path, `${value} | 0`)
        this.add(`view.setInt32(p, ${value}); p += 4`)
        return
      case 'uint32':
        this.#integer(field, value, path, `${value} >>> 0`)
        this.add(`view.setUint32(p, ${value}); p += 4`)
        return
      case 'float64':
        this.add(`view.setFloat64(p, ${value} === undefined ? ${defaultSource(field)} : ${value}); p += 8`)
        return
      case 'int64':
        this.#int64(field, value, path)
        return
      case 'uuid':
        this.add(`putUuid(bytes, p, ${value} === undefined ? ${defaultSource(field)} : ${value}); p += 16`)
        return
      case 'string':
        this.#orNull(field, value, path, compact)
        this.add(`if (typeof ${value} !== 'string' || ${value}.length > ${maxStringBytes}) failText(${quoted(path)}, ${value})`)
        this.#room(`${value}.length * 3 + ${5 + rest}`)
        this.add(`p = ${compact ? 'putCompactText' : 'putText'}(bytes, p, ${value})`)
        this.add('}')
        return
      case 'bytes':
      case 'records':
        this.#orNull(field, value, path, compact)
        this.add(`n = bytesLength(${value})`)
        this.add(compact ? 'p = putUvarint(bytes, p, n + 1)' : 'view.setInt32(p, n); p += 4')
        this.#room(`(n < ${minAttachedBytes} ? n : 0) + ${rest}`)
        this.add(`p = out.put(p, ${value}, n)`)
        this.add('}')
        return
      case 'array':
        this.#array(field, value, path, rest, compact)
        return
      case 'struct':
        if (isNullable(field, this.version)) {
          this.add(`if (${value} === undefined) ${value} = ${field.default === null ? 'null' : '{}'}`)
          this.add(`if (${value} === null) { view.setInt8(p, ${nullMarker(field)}); p += 1 } else { view.setInt8(p, 1); p += 1`)
        } else {
          this.add(`if (${value} === undefined) ${value} = {}; if (${value} === null) failNull(${quoted(path)}); {`)
        }
        this.#struct(field.fields!, value, path, rest)
        this.add('}')
    }
  }

  #integer(field: Field<any>, value: string, path: string, wrapped: string): void {
    this.add(
      `if (${value} === undefined) ${value} = ${defaultSource(field)}; else if (${value} !== (${wrapped})) failValue(${quoted(path)}, '${field.kind}', ${value})`,
    )
  }

  #int64(field: Field<any>, value: string, path: string): void {
    this.add(`if (${value} === undefined) ${value} = ${defaultSource(field)}`)
    if (field.unbounded) this.add(`if (${value} === Infinity) { view.setInt32(p, 2147483647); view.setInt32(p + 4, -1) } else`)
    this.add('{')
    this.add(`if (!Number.isSafeInteger(${value})) failValue(${quoted(path)}, 'int64', ${value})`)
    this.add(`view.setInt32(p, Math.floor(${value} / 4294967296)); view.setInt32(p + 4, ${value})`)
    this.add('}; p += 8')
  }

  /** Takes the default for undefined and writes null; ends within an open block for other values. */
  #orNull(field: Field<any>, value: string, path: string, compact: boolean): void {
    this.add(`if (${value} === undefined) ${value} = ${defaultSource(field)}`)
    if (!isNullable(field, this.version)) {
      this.add(`if (${value} === null) failNull(${quoted(path)}); {`)
      return
    }
    const write = compact
      ? 'bytes[p] = 0; p += 1'
      : field.kind === 'string'
        ? 'view.setInt16(p, -1); p += 2'
        : 'view.setInt32(p, -1); p += 4'
    this.add(`if (${value} === null) { ${write} } else {`)
  }

  #array(field: Field<any>, value: string, path: string, rest: number, compact: boolean): void {
    const element = field.element!
    this.#orNull(field, value, path, compact)
    const count = this.name('c')
    const index = this.name('i')
    const item = this.name('v')
    this.add(`const ${count} = ${value}.length`)
    this.add(`if (!(${count} <= ${maxArrayElements})) failCount(${quoted(path)}, ${count})`)
    this.add(compact ? `p = putUvarint(bytes, p, ${count} + 1)` : `view.setInt32(p, ${count}); p += 4`)
    const isStruct = element.kind === 'struct' && !isNullable(element, this.version)
    if (!isStruct) this.#room(`${count} * ${fixedRoom(element)} + ${rest}`)
    this.add(`for (let ${index} = 0; ${index} < ${count}; ${index}++) {`)
    this.add(`let ${item} = ${value}[${index}]`)
    if (isStruct) this.#struct(element.fields!, item, `${path}[]`, 0)
    else {
      // Room for the fixed part of all elements was made; a string makes room for itself and for those that follow.
      const variable =
        element.kind === 'string' || element.kind === 'bytes' || element.kind === 'records' || element.kind === 'struct'
      if (variable) this.#room(String(fixedRoom(element)))
      this.#field(element, item, `${path}[]`, 0)
    }
    this.add('}')
    this.#room(String(rest))
    this.add('}')
  }

  #tagged(fields: Fields, object: string, path: string, room: number): void {
    const members = taggedMembers(fields, this.version)
    if (members.length === 0) {
      this.add('bytes[p] = 0; p += 1')
      return
    }
    const variables = members.map(({ name, field }) => {
      const [value, present] = [this.name('v'), this.name('d')]
      this.add(`let ${value} = ${object}.${identifier(name)}`)
      this.add(`const ${present} = !(${this.#isDefault(field, value)})`)
      return { value, present }
    })
    this.add(`bytes[p] = ${variables.map(({ present }) => `(${present} ? 1 : 0)`).join(' + ')}; p += 1`)
    members.forEach((member, i) => {
      const { value, present } = variables[i]!
      this.add(`if (${present}) {`)
      this.#taggedField(member.field, value, this.path(path, member))
      this.#room(String(room))
      this.add('}')
    })
  }

  #taggedField(field: Field<any>, value: string, path: string): void {
    const size = fixedSize(field)
    this.#room(String(10 + fixedRoom(field)))
    this.add(`p = putUvarint(bytes, p, ${field.tag})`)
    if (size !== undefined) {
      this.add(`bytes[p] = ${size}; p += 1`)
      this.#field(field, value, path, 0)
      return
    }
    const [chunks, start] = [this.name('k'), this.name('s')]
    this.add(`const ${chunks} = out.chunks.length, ${start} = p; p += 5`)
    this.#field(field, value, path, 0)
    this.add(`p = out.closeTagged(p, ${chunks}, ${start})`)
  }
}
