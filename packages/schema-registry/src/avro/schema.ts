import type { Json, JsonObject } from './json.ts'

/** An Avro schema as the registry understands it: Avro Java's model. Named types are shared objects, so that recursion is a cycle. */
export type AvroSchema = Primitive | ArraySchema | MapSchema | UnionSchema | RecordSchema | EnumSchema | FixedSchema

export const primitiveNames = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'] as const
export type PrimitiveName = (typeof primitiveNames)[number]

export interface Primitive {
  readonly kind: PrimitiveName
  /** Attributes that Avro does not know, and logical types: kept in input order. */
  readonly properties: JsonObject
}

export interface ArraySchema {
  readonly kind: 'array'
  readonly items: AvroSchema
  readonly properties: JsonObject
}

export interface MapSchema {
  readonly kind: 'map'
  readonly values: AvroSchema
  readonly properties: JsonObject
}

export interface UnionSchema {
  readonly kind: 'union'
  readonly branches: readonly AvroSchema[]
}

interface Named {
  readonly name: string
  /** Empty: none. */
  readonly namespace: string
  readonly doc: string | null
  /** Full names. */
  readonly aliases: readonly string[]
  readonly properties: JsonObject
}

export interface RecordSchema extends Named {
  readonly kind: 'record'
  readonly isError: boolean
  fields: readonly Field[]
}

export interface EnumSchema extends Named {
  readonly kind: 'enum'
  readonly symbols: readonly string[]
  readonly default: string | null
}

export interface FixedSchema extends Named {
  readonly kind: 'fixed'
  readonly size: number
}

export type NamedSchema = RecordSchema | EnumSchema | FixedSchema

export interface Field {
  readonly name: string
  readonly type: AvroSchema
  readonly doc: string | null
  /** `undefined`: no default. */
  readonly default: Json | undefined
  readonly order: 'ascending' | 'descending' | 'ignore'
  readonly aliases: readonly string[]
  readonly properties: JsonObject
}

export function isNamed(schema: AvroSchema): schema is NamedSchema {
  return schema.kind === 'record' || schema.kind === 'enum' || schema.kind === 'fixed'
}

export function fullName({ name, namespace }: { readonly name: string; readonly namespace: string }): string {
  return namespace === '' ? name : `${namespace}.${name}`
}

/** Splits a full name; without a dot the given namespace holds. */
export function splitName(text: string, namespace: string): { name: string; namespace: string } {
  const dot = text.lastIndexOf('.')
  return dot < 0 ? { name: text, namespace } : { name: text.slice(dot + 1), namespace: text.slice(0, dot) }
}
