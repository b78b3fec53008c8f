/**
 * The language in which wire messages are declared. One declaration gives the TypeScript type, the codecs of every version
 * (`compile.ts`, `interpret.ts`), the version table, random values for tests and the documentation.
 *
 * ```ts
 * export const HeartbeatRequest = message('HeartbeatRequest', { versions: '0-4', flexible: 4 }, {
 *   groupId: string({ entity: 'groupId' }),
 *   generationId: int32(),
 *   memberId: string(),
 *   groupInstanceId: string({ since: 3, nullable: true, default: null }),
 * })
 * export interface HeartbeatRequest extends ValueOf<typeof HeartbeatRequest> {}
 * ```
 *
 * A field stands in every version of its message unless `since` or `until` says otherwise. `flexible` is the first version with
 * compact lengths and tagged fields; that is a matter of the message and never spelled at a field.
 */

export type Kind =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'float64'
  | 'uuid'
  | 'string'
  | 'bytes'
  | 'records'
  | 'array'
  | 'struct'

/** What a field names: the authorisation tests and the random values of tests read it. */
export type EntityType = 'topicName' | 'groupId' | 'transactionalId' | 'producerId' | 'brokerId'

/** A resolved field. `Value` is its type in TypeScript; it exists at compile time only. */
export interface Field<Value> {
  readonly kind: Kind
  /** Element of an array. */
  readonly element?: Field<any>
  /** Members of a struct. */
  readonly fields?: Fields
  /** First and last version that carry the field. */
  readonly since: number
  readonly until: number
  /** First version in which null may be written; Infinity: never. */
  readonly nullableSince: number
  /** Number of the tagged field; -1: an ordinary one. */
  readonly tag: number
  /**
   * Value when the version lacks the field or the writer leaves it out; undefined for a struct: all members at their defaults.
   */
  readonly default: number | string | boolean | null | readonly never[] | Uint8Array | undefined
  /** A value other than the default is dropped, not refused, by versions that lack the field. */
  readonly ignorable: boolean
  /** Part of the key of the set that the surrounding array is. */
  readonly mapKey: boolean
  /** Keeps the int16 length in flexible versions (the client id of request headers). */
  readonly classic: boolean
  /** An int64 whose largest value means "unbounded" and reads as Infinity. */
  readonly unbounded: boolean
  readonly entity?: EntityType
  readonly value?: Value
}

export type Fields = { readonly [name: string]: Field<any> }

export interface FieldOptions {
  readonly since?: number
  readonly until?: number
  /** `true`: in every version that has the field; a number: from that version on. */
  readonly nullable?: true | number
  readonly tag?: number
  readonly default?: number | string | boolean | null
  readonly ignorable?: true
  readonly mapKey?: true
  readonly classic?: true
  readonly entity?: EntityType
}

type Nullable<Options, Value> = Options extends { readonly nullable: true | number } ? Value | null : Value

/** The value of a set of fields. */
export type StructValue<F extends Fields> = { [Name in keyof F]: F[Name] extends Field<infer Value> ? Value : never }

type ElementValue<E> = E extends Field<infer Value> ? Value : E extends Fields ? StructValue<E> : never

function field(kind: Kind, options: FieldOptions, zero: Field<never>['default'], more: Partial<Field<never>> = {}): Field<any> {
  const since = options.since ?? 0
  const nullableSince = options.nullable === undefined ? Infinity : options.nullable === true ? since : options.nullable
  return {
    kind,
    since,
    until: options.until ?? Infinity,
    nullableSince,
    tag: options.tag ?? -1,
    default: options.default === undefined ? zero : options.default,
    ignorable: options.ignorable ?? false,
    mapKey: options.mapKey ?? false,
    classic: options.classic ?? false,
    unbounded: false,
    ...(options.entity === undefined ? {} : { entity: options.entity }),
    ...more,
  }
}

const noBytes = new Uint8Array(0)
const noElements: readonly never[] = []

export const bool = (options: FieldOptions = {}): Field<boolean> => field('bool', options, false)
export const int8 = (options: FieldOptions = {}): Field<number> => field('int8', options, 0)
export const int16 = (options: FieldOptions = {}): Field<number> => field('int16', options, 0)
export const uint16 = (options: FieldOptions = {}): Field<number> => field('uint16', options, 0)
export const int32 = (options: FieldOptions = {}): Field<number> => field('int32', options, 0)
export const uint32 = (options: FieldOptions = {}): Field<number> => field('uint32', options, 0)
export const float64 = (options: FieldOptions = {}): Field<number> => field('float64', options, 0)

/** A whole number within ±2^53: offsets, timestamps, producer ids. A value beyond is a protocol error. */
export const int64 = (options: FieldOptions = {}): Field<number> => field('int64', options, 0)

/** An int64 whose default is its largest value, "not known": Infinity here. */
export const unboundedInt64 = (options: Omit<FieldOptions, 'default'> = {}): Field<number> =>
  field('int64', options, Infinity, { unbounded: true })

/** 16 bytes, as 22 characters of URL-safe base64. */
export const uuid = (options: FieldOptions = {}): Field<string> => field('uuid', options, 'AAAAAAAAAAAAAAAAAAAAAA')

/** UTF-8 text of at most 32,767 bytes. */
export function string<const O extends FieldOptions = FieldOptions>(options?: O): Field<Nullable<O, string>> {
  return field('string', options ?? {}, '')
}

/** Bytes: a view into the frame when read. */
export function bytes<const O extends FieldOptions = FieldOptions>(options?: O): Field<Nullable<O, Uint8Array>> {
  return field('bytes', options ?? {}, noBytes)
}

/** Record batches, kept as bytes: a view into the frame when read, one piece or a list of pieces when written. */
export function records<const O extends FieldOptions = FieldOptions>(options?: O): Field<Nullable<O, Uint8Array>> {
  return field('records', options ?? {}, noBytes)
}

/** A list of scalars (`array(int32())`) or of structs (`array({ … })`), with the options in front if there are any. */
export function array<E extends Field<any> | Fields>(element: E): Field<readonly ElementValue<E>[]>
export function array<const O extends FieldOptions, E extends Field<any> | Fields>(
  options: O,
  element: E,
): Field<Nullable<O, readonly ElementValue<E>[]>>
export function array(first: FieldOptions | Field<any> | Fields, second?: Field<any> | Fields): Field<any> {
  const options = second === undefined ? {} : (first as FieldOptions)
  const element = second ?? (first as Field<any> | Fields)
  return field('array', options, noElements, { element: isField(element) ? element : struct(element) })
}

/**
 * Fields of their own, with the options in front if there are any. A nullable struct is preceded by a byte that says whether it
 * is there.
 */
export function struct<F extends Fields>(fields: F): Field<StructValue<F>>
export function struct<const O extends FieldOptions, F extends Fields>(options: O, fields: F): Field<Nullable<O, StructValue<F>>>
export function struct(first: FieldOptions | Fields, second?: Fields): Field<any> {
  return field('struct', second === undefined ? {} : (first as FieldOptions), undefined, { fields: second ?? (first as Fields) })
}

function isField(element: Field<any> | Fields): element is Field<any> {
  return typeof element.kind === 'string'
}

export interface VersionRange {
  readonly min: number
  readonly max: number
}

/** A wire type: its fields over a range of versions. */
export interface Message<T> {
  readonly name: string
  /** The versions that are declared. What is spoken is a matter of the `Api`. */
  readonly versions: VersionRange
  /** First version with compact lengths and tagged fields; Infinity: none. */
  readonly flexibleFrom: number
  /** Number of the record type, for records that have one. */
  readonly type?: number
  readonly fields: Fields
  readonly value?: T
}

export interface MessageOptions {
  readonly versions: `${number}-${number}` | `${number}`
  readonly flexible?: number
  readonly type?: number
}

/** Declares a message. */
export function message<F extends Fields>(name: string, options: MessageOptions, fields: F): Message<StructValue<F>> {
  return {
    name,
    versions: versionRange(options.versions),
    flexibleFrom: options.flexible ?? Infinity,
    fields,
    ...(options.type === undefined ? {} : { type: options.type }),
  }
}

/** `'4-18'` or `'0'` as a range. */
export function versionRange(text: `${number}-${number}` | `${number}`): VersionRange {
  const [min, max = min] = text.split('-').map(Number) as [number, number?]
  return { min, max }
}

/** The TypeScript type of a declared message. */
export type ValueOf<M extends Message<any>> = M extends Message<infer T> ? T : never

/** The type of an array's elements: `ElementOf<FetchResponse['responses']>`. */
export type ElementOf<A> = A extends readonly (infer E)[] ? E : never

/** A value for writing: whatever is left out takes its default, and bytes may come as a list of pieces. */
export type Draft<T> = T extends Uint8Array
  ? Uint8Array | readonly Uint8Array[]
  : T extends readonly (infer E)[]
    ? readonly Draft<E>[]
    : T extends object
      ? { readonly [Name in keyof T]?: Draft<T[Name]> | undefined }
      : T
