/**
 * The TypeScript type of the values of an Avro schema, from the schema's literal (`as const`, or `defineSchema(…)`). Named types resolve
 * within the literal, recursion included; logical types are their plain Avro types. A union of null and one more is `T | null`.
 */
export type ValueOf<S> = Resolve<S, Names<S>>

interface Primitives {
  null: null
  boolean: boolean
  int: number
  long: number
  float: number
  double: number
  bytes: Uint8Array
  string: string
}

type Resolve<S, N> = S extends keyof Primitives
  ? Primitives[S]
  : S extends string
    ? ByName<S, N>
    : S extends readonly (infer Branch)[]
      ? Branch extends unknown
        ? Resolve<Branch, N>
        : never
      : S extends { readonly type: 'record'; readonly fields: readonly (infer F)[] }
        ? RecordValue<F, N>
        : S extends { readonly type: 'enum'; readonly symbols: readonly (infer Symbols)[] }
          ? Symbols
          : S extends { readonly type: 'fixed' }
            ? Uint8Array
            : S extends { readonly type: 'array'; readonly items: infer Items }
              ? Resolve<Items, N>[]
              : S extends { readonly type: 'map'; readonly values: infer Values }
                ? Record<string, Resolve<Values, N>>
                : S extends { readonly type: infer Inner }
                  ? Resolve<Inner, N>
                  : unknown

type RecordValue<F, N> = {
  -readonly [K in F as K extends { readonly name: infer Name extends string } ? Name : never]: K extends {
    readonly type: infer T
  }
    ? Resolve<T, N>
    : never
}

type ByName<Name extends string, N> = Name extends keyof N
  ? Resolve<N[Name], N>
  : Name extends `${string}.${infer Rest}`
    ? ByName<Rest, N>
    : unknown

/** All named types of the literal, by their short names. */
type Names<S> = Merge<Definitions<S>>
type Merge<D> = { [K in D as K extends { readonly name: infer Name extends string } ? LastPart<Name> : never]: K }
type LastPart<Name extends string> = Name extends `${string}.${infer Rest}` ? LastPart<Rest> : Name
type Definitions<S> = S extends string
  ? never
  : S extends readonly (infer Branch)[]
    ? Branch extends unknown
      ? Definitions<Branch>
      : never
    : S extends { readonly type: 'record'; readonly name: string; readonly fields: readonly (infer F)[] }
      ? S | (F extends { readonly type: infer T } ? Definitions<T> : never)
      : S extends { readonly type: 'enum' | 'fixed'; readonly name: string }
        ? S
        : S extends { readonly type: 'array'; readonly items: infer Items }
          ? Definitions<Items>
          : S extends { readonly type: 'map'; readonly values: infer Values }
            ? Definitions<Values>
            : S extends { readonly type: infer Inner }
              ? Definitions<Inner>
              : never

/** Gives a schema literal back with its narrow type, so that no `as const` is needed. */
export function defineSchema<const S>(schema: S): S {
  return schema
}
