/**
 * Between values and bytes, one for keys or values of a topic. Structural: whatever has these methods will do, those of `@millrace/schema-registry` for instance.
 * Equal values must give equal bytes: bytes are what partitions and stores compare.
 */
export interface Serde<T> {
  /** Awaited once for each topic before its first record: the place to register or look up schemas. */
  prepare?(topic: string, part: 'key' | 'value'): Promise<void>
  /**
   * The bytes must stay as they are while a record is written: a serde that uses a buffer again keeps at least four results apart. Never called with null or
   * undefined.
   */
  serialize(topic: string, value: T): Uint8Array
  /** `bytes` is a view that must not be kept. A promise only where something unknown has to be fetched first. */
  deserialize(topic: string, bytes: Uint8Array): T | Promise<T>
}

/** What a serde may offer beside, where a view of its own for every record costs more than the decoding. */
export interface SliceSerde<T> extends Serde<T> {
  deserializeSlice(topic: string, bytes: Uint8Array, start: number, length: number): T | Promise<T>
}

export function hasSlices<T>(serde: Serde<T>): serde is SliceSerde<T> {
  return typeof (serde as Partial<SliceSerde<T>>).deserializeSlice === 'function'
}

/** A serde of UTF-8 text: the producer encodes such keys itself. */
export function isText(serde: Serde<any>): boolean {
  return (serde as { readonly isText?: true }).isText === true
}

/** The value type of a serde. */
export type TypeOf<S> = S extends Serde<infer T> ? T : never
