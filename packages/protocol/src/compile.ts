import * as faults from './codec-faults.ts'
import type { Input } from './input.ts'
import {
  isFlexible,
  isNullable,
  isPresent,
  type Member,
  membersOf,
  minimumSize,
  nullMarker,
  plainMembers,
  taggedMembers,
} from './layout.ts'
import { maxArrayElements, maxTaggedFields } from './limits.ts'
import { bytesLength, type Output } from './output.ts'
import type { Field, Fields, Message } from './schema.ts'
import { putCompactText, putText, readText } from './text.ts'
import { putUuid, readUuid } from './uuid.ts'
import { putUvarint } from './varint.ts'

/** Reads a value at `input.position` and moves it behind. */
export type Reader = (input: Input) => any
/** Writes a value at `output.position` and moves it behind. */
export type Writer = (output: Output, value: any) => void

/** What generated code may call. */
const runtime = {
  ...faults,
  bytesLength,
  putCompactText,
  putText,
  readText,
  putUuid,
  readUuid,
  putUvarint,
  noBytes: new Uint8Array(0),
}
const runtimeNames = Object.keys(runtime)

/** Straight-line code that reads one version of a message. Only names and numbers of the declaration enter the text. */
export function compileReader(message: Message<any>, version: number): Reader {
  const source = new ReaderSource(message, version).text()
  return new Function(...runtimeNames, source)(...Object.values(runtime))
}

/** Straight-line code that writes one version of a message. */
export function compileWriter(message: Message<any>, version: number): Writer {
  const source = new WriterSource(message, version).text()
  return new Function(...runtimeNames, source)(...Object.values(runtime))
}

/** Lines of code, and names that occur once. */
class Source {
  protected readonly message: Message<any>
  protected readonly version: number
  protected readonly flexible: boolean
  readonly #lines: string[] = []
  #names = 0

  constructor(message: Message<any>, version: number) {
    this.message = message
    this.version = version
    this.flexible = isFlexible(message, version)
  }

  protected add(line: string): void {
    this.#lines.push(line)
  }

  protected name(prefix: string): string {
    return `${prefix}${this.#names++}`
  }

  protected lines(): string {
    return this.#lines.join('\n')
  }

  protected path(parent: string, { name }: Member): string {
    return `${parent}.${identifier(name)}`
  }

  protected isCompact(field: Field<any>): boolean {
    return this.flexible && !field.classic
  }
}

/** A name of the declaration, as it may stand in the text of a program. */
function identifier(name: string): string {
  if (!/^[a-z][A-Za-z0-9]*$/.test(name)) throw new TypeError(`not a field name: ${name}`)
  return name
}

/** A text literal of a path or of a declared default. */
function quoted(text: string): string {
  if (!/^[A-Za-z0-9.[\]_-]*$/.test(text)) throw new TypeError(`not a text for generated code: ${text}`)
  return `'${text}'`
}

/** The default of a field as an expression. */
function defaultSource(field: Field<any>): string {
  const value = field.default
  if (value === null) return 'null'
  switch (field.kind) {
    case 'array':
      return '[]'
    case 'bytes':
    case 'records':
      return 'noBytes'
    case 'string':
    case 'uuid':
      return quoted(value as string)
    case 'struct':
      return `{ ${membersOf(field.fields!)
        .map(({ name, field: member }) => `${identifier(name)}: ${defaultSource(member)}`)
        .join(', ')} }`
    default:
      return String(value)
  }
}

class ReaderSource extends Source {
  text(): string {
    this.add('return function read(input) {')
    this.add('const bytes = input.bytes, view = input.view, end = bytes.length')
    this.add('let p = input.position, n = 0')
    const value = this.#struct(this.message.fields, this.message.name)
    this.add('input.position = p')
    this.add(`return ${value}`)
    this.add('}')
    return this.lines()
  }

  /** Reads the fields of a struct and returns the expression that makes its value. */
  #struct(fields: Fields, path: string): string {
    const names = new Map<string, string>()
    for (const member of plainMembers(fields, this.version)) {
      const variable = this.name('v')
      names.set(member.name, variable)
      this.#field(member.field, variable, this.path(path, member), true)
    }
    if (this.flexible) this.#tagged(fields, path, names)
    const members = membersOf(fields).map(({ name, field }) => `${identifier(name)}: ${names.get(name) ?? defaultSource(field)}`)
    return `{ ${members.join(', ')} }`
  }

  #field(field: Field<any>, variable: string, path: string, declare: boolean): void {
    const target = declare ? `let ${variable}` : variable
    const compact = this.isCompact(field)
    const nullable = isNullable(field, this.version)
    switch (field.kind) {
      case 'bool':
        this.add(`${target} = view.getUint8(p) !== 0; p += 1`)
        return
      case 'int8':
        this.add(`${target} = view.getInt8(p); p += 1`)
        return
      case 'int16':
        this.add(`${target} = view.getInt16(p); p += 2`)
        return
      case 'uint16':
        this.add(`${target} = view.getUint16(p); p += 2`)
        return
      case 'int32':
        this.add(`${target} = view.getInt32(p); p += 4`)
        return
      case 'uint32':
        this.add(`${target} = view.getUint32(p); p += 4`)
        return
      case 'float64':
        this.add(`${target} = view.getFloat64(p); p += 8`)
        return
      case 'int64':
        this.add(`${target} = view.getInt32(p) * 4294967296 + view.getUint32(p + 4); p += 8`)
        if (field.unbounded) this.add(`if (${variable} === 2 ** 63) ${variable} = Infinity; else`)
        this.add(`if (${variable} > 9007199254740991 || ${variable} < -9007199254740991) failInt64(${quoted(path)})`)
        return
      case 'uuid':
        this.add(`${target} = readUuid(view, p); p += 16`)
        return
      case 'string':
        if (declare) this.add(`let ${variable}`)
        this.#length(field, compact, nullable, variable, path)
        this.add(`if (n > end - p || n > 32767) failLength(${quoted(path)}, n)`)
        this.add(`${variable} = readText(bytes, p, n); p += n }`)
        return
      case 'bytes':
      case 'records':
        if (declare) this.add(`let ${variable}`)
        this.#length(field, compact, nullable, variable, path)
        this.add(`if (n > end - p) failLength(${quoted(path)}, n)`)
        this.add(`${variable} = new Uint8Array(bytes.buffer, bytes.byteOffset + p, n); p += n }`)
        return
      case 'array':
        this.#array(field, compact, nullable, variable, path, declare)
        return
      case 'struct': {
        if (declare) this.add(`let ${variable}`)
        if (nullable) {
          const marker = this.name('m')
          this.add(`const ${marker} = view.getInt8(p); p += 1`)
          this.add(
            `if (${marker} === ${nullMarker(field)}) ${variable} = null; else if (${marker} !== 1) failPresence(${quoted(path)}, ${marker}); else {`,
          )
        } else this.add('{')
        const value = this.#struct(field.fields!, path)
        this.add(`${variable} = ${value}`)
        this.add('}')
      }
    }
  }

  /** Reads a length into `n`; ends within an open block for lengths that are not null. */
  #length(field: Field<any>, compact: boolean, nullable: boolean, variable: string, path: string): void {
    if (compact) this.#uvarint('n', '- 1')
    else this.add(field.kind === 'string' ? 'n = view.getInt16(p); p += 2' : 'n = view.getInt32(p); p += 4')
    if (nullable) this.add(`if (n === -1) ${variable} = null; else {`)
    else this.add(`if (n === -1) failNull(${quoted(path)}); {`)
    if (!compact) this.add(`if (n < 0) failLength(${quoted(path)}, n)`)
  }

  #uvarint(variable: string, adjust = ''): void {
    this.add(`${variable} = view.getUint8(p); p += 1`)
    this.add(`if (${variable} > 127) { ${variable} = input.uvarintFrom(p - 1); p = input.position }`)
    if (adjust !== '') this.add(`${variable} = ${variable} ${adjust}`)
  }

  #array(field: Field<any>, compact: boolean, nullable: boolean, variable: string, path: string, declare: boolean): void {
    const element = field.element!
    const least = Math.max(1, minimumSize(element, this.version, this.flexible))
    const elementPath = `${path}[]`
    if (declare) this.add(`let ${variable}`)
    this.#length(field, compact, nullable, variable, path)
    this.add(`if (n > ${maxArrayElements} || n * ${least} > end - p) failCount(${quoted(path)}, n)`)
    this.add(`if ((input.elements -= n) < 0) failBudget(${quoted(path)})`)
    const count = this.name('c')
    const index = this.name('i')
    this.add(`const ${count} = n; ${variable} = []`)
    this.add(`for (let ${index} = 0; ${index} < ${count}; ${index}++) {`)
    if (element.kind === 'struct' && !isNullable(element, this.version)) {
      const value = this.#struct(element.fields!, elementPath)
      this.add(`${variable}[${index}] = ${value}`)
    } else {
      const item = this.name('v')
      this.#field(element, item, elementPath, true)
      this.add(`${variable}[${index}] = ${item}`)
    }
    this.add('} }')
  }

  #tagged(fields: Fields, path: string, names: Map<string, string>): void {
    const members = taggedMembers(fields, this.version)
    for (const { name, field } of members) {
      const variable = this.name('v')
      names.set(name, variable)
      this.add(`let ${variable} = ${defaultSource(field)}`)
    }
    const count = this.name('c')
    this.add(`let ${count} = 0`)
    this.#uvarint(count)
    const [last, tag, size, stop] = [this.name('l'), this.name('t'), this.name('s'), this.name('e')] as const
    this.add(`if (${count} !== 0) {`)
    this.add(`if (${count} > ${maxTaggedFields} || ${count} * 2 > end - p) failTagCount(${quoted(path)}, ${count})`)
    this.add(`let ${last} = -1, ${tag} = 0, ${size} = 0`)
    this.add(`for (; ${count} > 0; ${count}--) {`)
    this.#uvarint(tag)
    this.add(`if (${tag} <= ${last}) failTagOrder(${quoted(path)}, ${tag}); ${last} = ${tag}`)
    this.#uvarint(size)
    this.add(`if (${size} > end - p) failTagSize(${quoted(path)}, ${tag})`)
    this.add(`const ${stop} = p + ${size}`)
    this.add(`switch (${tag}) {`)
    for (const member of members) {
      this.add(`case ${member.field.tag}: {`)
      this.#field(member.field, names.get(member.name)!, this.path(path, member), false)
      this.add('break }')
    }
    this.add(`default: p = ${stop}`)
    this.add('}')
    this.add(`if (p !== ${stop}) failTagSize(${quoted(path)}, ${tag})`)
    this.add('} }')
  }
}

/** The most bytes that a field needs whatever its value: its own if they are fixed, else its length prefix. */
function fixedRoom(field: Field<any>): number {
  switch (field.kind) {
    case 'bool':
    case 'int8':
      return 1
    case 'int16':
    case 'uint16':
      return 2
    case 'int64':
    case 'float64':
      return 8
    case 'uuid':
      return 16
    case 'struct':
      return 1
    default:
      return 5
  }
}

class WriterSource extends Source {
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
        this.add(`if (typeof ${value} !== 'string') failText(${quoted(path)}, ${value})`)
        this.#room(`${value}.length * 3 + ${5 + rest}`)
        this.add(`p = ${compact ? 'putCompactText' : 'putText'}(bytes, p, ${value})`)
        this.add('}')
        return
      case 'bytes':
      case 'records':
        this.#orNull(field, value, path, compact)
        this.add(`n = bytesLength(${value})`)
        this.add(compact ? 'p = putUvarint(bytes, p, n + 1)' : 'view.setInt32(p, n); p += 4')
        this.#room(`(n < 1024 ? n : 0) + ${rest}`)
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
    this.add(`if (${count} > ${maxArrayElements}) failCount(${quoted(path)}, ${count})`)
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
    const size = ['string', 'bytes', 'records', 'array', 'struct'].includes(field.kind) ? -1 : fixedRoom(field)
    this.#room(String(10 + fixedRoom(field)))
    this.add(`p = putUvarint(bytes, p, ${field.tag})`)
    if (size >= 0) {
      this.add(`bytes[p] = ${field.kind === 'int32' || field.kind === 'uint32' ? 4 : size}; p += 1`)
      this.#field(field, value, path, 0)
      return
    }
    const [chunks, start] = [this.name('k'), this.name('s')]
    this.add(`const ${chunks} = out.chunks.length, ${start} = p; p += 5`)
    this.#field(field, value, path, 0)
    this.add(`p = out.closeTagged(p, ${chunks}, ${start})`)
  }
}
