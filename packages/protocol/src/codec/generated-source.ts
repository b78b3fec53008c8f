import type { Field, Message } from '../schema.ts'
import { isFlexible, type Member, membersOf } from './layout.ts'

/** Lines of code, and names that occur once. */
export class GeneratedSource {
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
export function identifier(name: string): string {
  if (!/^[a-z][A-Za-z0-9]*$/.test(name)) throw new TypeError(`not a field name: ${name}`)
  return name
}

/** A text literal of a path or of a declared default. */
export function quoted(text: string): string {
  if (!/^[A-Za-z0-9.[\]_-]*$/.test(text)) throw new TypeError(`not a text for generated code: ${text}`)
  return `'${text}'`
}

/** The default of a field as an expression. */
export function defaultSource(field: Field<any>): string {
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
