import { ConfigError } from './errors.ts'

/**
 * A configuration key, declared once: parsing, range checks, `DescribeConfigs` and the reference page (`docs/config.md`) all come from it.
 * Names, types, ranges and defaults are Kafka's.
 */
export interface ConfigKey<T extends ConfigValue = ConfigValue> {
  readonly name: string
  readonly type: ConfigType
  /** `undefined`: the key must be given. `null`: absent by default. */
  readonly default: T | null | undefined
  readonly min?: number
  readonly max?: number
  /** Allowed words (string), or allowed members (list). */
  readonly valid?: readonly string[]
  /** Where the key may be set. */
  readonly scope: ConfigScope
  /** May be changed on a running broker by IncrementalAlterConfigs. */
  readonly dynamic?: boolean
  /** Another key that gives this one's value when this one is not set: a topic key's broker key, or `log.retention.minutes` for `log.retention.ms`. */
  readonly fallbacks?: readonly ConfigFallback[]
  readonly doc: string
}

export interface ConfigFallback {
  readonly name: string
  /** One unit of the fallback in units of the key: 60_000 from minutes to milliseconds. */
  readonly factor?: number
}

export type ConfigType = 'boolean' | 'short' | 'int' | 'long' | 'double' | 'string' | 'list' | 'password' | 'class'
export type ConfigScope = 'broker' | 'topic' | 'group' | 'client-metrics' | 'client' | 'streams' | 'registry'
export type ConfigValue = boolean | number | string | readonly string[]

const integerRange: Record<string, readonly [number, number]> = {
  short: [-(2 ** 15), 2 ** 15 - 1],
  int: [-(2 ** 31), 2 ** 31 - 1],
  // Longs are checked numbers: beyond 2^53 only Kafka's "no limit" is meant, which is clamped.
  long: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
}
const longLimits = new Set(['9223372036854775807', '-9223372036854775808'])

/** Parses the text of a value as Kafka does. Throws a ConfigError that names key, value and range. */
export function parseConfigValue(key: ConfigKey, text: string): ConfigValue {
  const value = text.trim()
  switch (key.type) {
    case 'boolean': {
      const word = value.toLowerCase()
      if (word !== 'true' && word !== 'false') throw invalid(key, text, 'true or false')
      return word === 'true'
    }
    case 'short':
    case 'int':
    case 'long':
    case 'double':
      return parseNumber(key, value)
    case 'list': {
      const members = value === '' ? [] : value.split(',').map(member => member.trim())
      if (key.valid)
        for (const member of members)
          if (!key.valid.includes(member)) throw invalid(key, text, `a list of ${key.valid.join(', ')}`)
      return members
    }
    case 'string':
    case 'password':
    case 'class':
      if (key.valid && !key.valid.includes(value)) throw invalid(key, text, `one of ${key.valid.join(', ')}`)
      return value
  }
}

function parseNumber(key: ConfigKey, text: string): number {
  const pattern = key.type === 'double' ? /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/ : /^[+-]?\d+$/
  if (!pattern.test(text)) throw invalid(key, text, `a number of type ${key.type}`)
  if (key.type === 'long' && longLimits.has(text)) return text.startsWith('-') ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER
  const value = Number(text)
  const [typeMin, typeMax] = integerRange[key.type] ?? [-Infinity, Infinity]
  const min = Math.max(key.min ?? -Infinity, typeMin)
  const max = Math.min(key.max ?? Infinity, typeMax)
  if (value < min || value > max) throw invalid(key, text, describeRange(key))
  return value
}

/** The range in words, for errors and the reference page. */
export function describeRange(key: ConfigKey): string {
  if (key.valid) return key.type === 'list' ? `a list of ${key.valid.join(', ')}` : `one of ${key.valid.join(', ')}`
  if (key.min !== undefined && key.max !== undefined) return `${key.min} to ${key.max}`
  if (key.min !== undefined) return `at least ${key.min}`
  if (key.max !== undefined) return `at most ${key.max}`
  return key.type
}

/** The value as Kafka writes it in DescribeConfigs and files; null for an absent value. */
export function formatConfigValue(value: ConfigValue | null | undefined): string | null {
  if (value === null || value === undefined) return null
  if (value === Number.MAX_SAFE_INTEGER) return '9223372036854775807'
  return Array.isArray(value) ? value.join(',') : String(value)
}

function invalid(key: ConfigKey, text: string, range: string): ConfigError {
  return new ConfigError(
    `Invalid value ${key.type === 'password' ? '[hidden]' : text} for configuration ${key.name}: must be ${range}`,
  )
}

/** A set of declared keys with the given texts parsed: `get` answers the value that is in force. */
export class ConfigSet {
  readonly #keys: ReadonlyMap<string, ConfigKey>
  readonly #given = new Map<string, ConfigValue>()
  /** Names that no key declares: worth a warning, not an error. */
  readonly unknown: string[] = []

  /** Throws a ConfigError for the first bad value and for a missing one. */
  constructor(keys: readonly ConfigKey[], texts: ReadonlyMap<string, string>) {
    this.#keys = new Map(keys.map(key => [key.name, key]))
    for (const [name, text] of texts) {
      const key = this.#keys.get(name)
      if (key) this.#given.set(name, parseConfigValue(key, text))
      else this.unknown.push(name)
    }
    for (const key of keys) {
      if (key.default === undefined && this.get(key) === null) throw new ConfigError(`Missing required configuration ${key.name}`)
    }
  }

  /** The value in force: given, else a fallback's, else the default. */
  get<T extends ConfigValue>(key: ConfigKey<T>): T | null {
    return (this.#lookUp(key.name) ?? key.default ?? null) as T | null
  }

  /** The value given in the file, without fallbacks and default. */
  given(name: string): ConfigValue | undefined {
    return this.#given.get(name)
  }

  #lookUp(name: string): ConfigValue | undefined {
    const given = this.#given.get(name)
    if (given !== undefined) return given
    for (const fallback of this.#keys.get(name)?.fallbacks ?? []) {
      const value = this.#lookUp(fallback.name)
      if (value !== undefined) return typeof value === 'number' && value > 0 ? value * (fallback.factor ?? 1) : value
    }
    return undefined
  }
}
