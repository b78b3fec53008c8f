/**
 * JSON that loses nothing a schema may hold: numbers keep their text (a long default has up to 19 digits), objects keep their order and
 * cannot touch a prototype. Accepts what Avro's Java parser accepts: comments, and of two equal names the last.
 */
export type Json = null | boolean | string | JsonNumber | Json[] | JsonObject
export type JsonObject = Map<string, Json>

export class JsonNumber {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

export class JsonError extends Error {}

/** Nested arrays and objects beyond this are refused: a schema is written by people. */
const maxDepth = 200

export function parseJson(text: string): Json {
  const parser = new Parser(text)
  const value = parser.value(0)
  parser.end()
  return value
}

export function isObject(value: Json | undefined): value is JsonObject {
  return value instanceof Map
}

/** Compact text. Non-ASCII characters stay as they are. */
export function writeJson(value: Json): string {
  if (value instanceof JsonNumber) return value.text
  if (Array.isArray(value)) return `[${value.map(writeJson).join(',')}]`
  if (isObject(value)) return `{${[...value].map(([name, member]) => `${JSON.stringify(name)}:${writeJson(member)}`).join(',')}}`
  return JSON.stringify(value)
}

/** The same value with the members of every object sorted by name. */
export function sortedJson(value: Json): Json {
  if (Array.isArray(value)) return value.map(sortedJson)
  if (!isObject(value)) return value
  return new Map([...value].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([name, member]) => [name, sortedJson(member)]))
}

class Parser {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  value(depth: number): Json {
    if (depth > maxDepth) throw new JsonError(`nested deeper than ${maxDepth} levels`)
    this.#skipSpace()
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth)
      case '[':
        return this.#array(depth)
      case '"':
        return this.#string()
      case 't':
        return this.#word('true', true)
      case 'f':
        return this.#word('false', false)
      case 'n':
        return this.#word('null', null)
      default:
        return this.#number()
    }
  }

  end(): void {
    this.#skipSpace()
    if (this.#at < this.#text.length) throw new JsonError(`dangling content after end of input at character ${this.#at}`)
  }

  #object(depth: number): JsonObject {
    const members: JsonObject = new Map()
    this.#at++
    this.#skipSpace()
    if (this.#take('}')) return members
    for (;;) {
      this.#skipSpace()
      if (this.#text[this.#at] !== '"') throw this.#unexpected()
      const name = this.#string()
      this.#skipSpace()
      if (!this.#take(':')) throw this.#unexpected()
      members.set(name, this.value(depth + 1))
      this.#skipSpace()
      if (this.#take('}')) return members
      if (!this.#take(',')) throw this.#unexpected()
    }
  }

  #array(depth: number): Json[] {
    const items: Json[] = []
    this.#at++
    this.#skipSpace()
    if (this.#take(']')) return items
    for (;;) {
      items.push(this.value(depth + 1))
      this.#skipSpace()
      if (this.#take(']')) return items
      if (!this.#take(',')) throw this.#unexpected()
    }
  }

  #string(): string {
    const start = this.#at++
    for (;;) {
      const char = this.#text[this.#at++]
      if (char === undefined) throw new JsonError('unterminated string')
      if (char === '\\') this.#at++
      else if (char === '"') break
    }
    try {
      return JSON.parse(this.#text.slice(start, this.#at)) as string
    } catch {
      throw new JsonError(`illegal string at character ${start}`)
    }
  }

  #number(): JsonNumber {
    const match = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/.exec(this.#text.slice(this.#at, this.#at + 400))
    if (!match) throw this.#unexpected()
    this.#at += match[0].length
    return new JsonNumber(match[0])
  }

  #word<T extends Json>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#unexpected()
    this.#at += word.length
    return value
  }

  #take(char: string): boolean {
    if (this.#text[this.#at] !== char) return false
    this.#at++
    return true
  }

  #skipSpace(): void {
    for (;;) {
      const char = this.#text[this.#at]
      if (char === ' ' || char === '\n' || char === '\r' || char === '\t') this.#at++
      else if (char === '/' && this.#text[this.#at + 1] === '/') this.#skipTo('\n')
      else if (char === '/' && this.#text[this.#at + 1] === '*') this.#skipTo('*/')
      else return
    }
  }

  #skipTo(end: string): void {
    const found = this.#text.indexOf(end, this.#at + 2)
    this.#at = found < 0 ? this.#text.length : found + end.length
  }

  #unexpected(): JsonError {
    const char = this.#text[this.#at]
    return new JsonError(
      char === undefined ? 'unexpected end of input' : `unexpected character ${JSON.stringify(char)} at ${this.#at}`,
    )
  }
}
