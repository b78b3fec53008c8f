import type { ConfigFallback, ConfigKey, ConfigScope, ConfigType, ConfigValue } from '@millrace/runtime'

export interface KeyOptions {
  readonly min?: number
  readonly max?: number
  readonly valid?: readonly string[]
  readonly dynamic?: boolean
  readonly fallbacks?: readonly (string | ConfigFallback)[]
}

type Declare<T extends ConfigValue> = (
  name: string,
  initial: T | null | undefined,
  doc: string,
  options?: KeyOptions,
) => ConfigKey<T>

/** Functions that declare keys of one scope: `int('num.partitions', 1, 'what it does', { min: 1 })`. Default `undefined`: must be given. */
export function declaring(scope: ConfigScope): {
  readonly boolean: Declare<boolean>
  readonly short: Declare<number>
  readonly int: Declare<number>
  readonly long: Declare<number>
  readonly double: Declare<number>
  readonly string: Declare<string>
  readonly list: Declare<readonly string[]>
} {
  const of =
    <T extends ConfigValue>(type: ConfigType): Declare<T> =>
    (name, initial, doc, { fallbacks, ...rest } = {}) => ({
      name,
      type,
      scope,
      default: initial,
      doc,
      ...rest,
      ...(fallbacks
        ? { fallbacks: fallbacks.map(fallback => (typeof fallback === 'string' ? { name: fallback } : fallback)) }
        : {}),
    })
  return {
    boolean: of('boolean'),
    short: of('short'),
    int: of('int'),
    long: of('long'),
    double: of('double'),
    string: of('string'),
    list: of('list'),
  }
}

/** Kafka's "no limit" of a long. */
export const unlimited = Number.MAX_SAFE_INTEGER
/** Kafka's "no limit" of an int. */
export const unlimitedInt = 2 ** 31 - 1
