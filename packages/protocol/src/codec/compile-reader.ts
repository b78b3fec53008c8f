import type { Field, Fields, Message } from '../schema.ts'
import { readUuid } from '../uuid.ts'
import * as faults from './faults.ts'
import { defaultSource, GeneratedSource, identifier, quoted } from './generated-source.ts'
import type { Input } from './input.ts'
import { isNullable, isObject, membersOf, minimumSize, nullMarker, plainMembers, taggedMembers } from './layout.ts'
import { maxArrayElements, maxStringBytes, maxTaggedFields } from './limits.ts'
import { readText } from './text.ts'

/** Reads a value at `input.position` and moves it behind. */
export type Reader = (input: Input) => any

/** What generated readers may call. */
const runtime = { ...faults, readText, readUuid, noBytes: new Uint8Array(0) }

/** Straight-line code that reads one version of a message. Only names and numbers of the declaration enter the text. */
export function compileReader(message: Message<any>, version: number): Reader {
  const source = new ReaderSource(message, version).text()
  return new Function(...Object.keys(runtime), source)(...Object.values(runtime))
}

class ReaderSource extends GeneratedSource {
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
        this.add(`if (n > end - p || n > ${maxStringBytes}) failLength(${quoted(path)}, n)`)
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
    if (isObject(element)) this.add(`if ((input.objects -= n) < 0) failBudget(${quoted(path)})`)
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
