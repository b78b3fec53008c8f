import { isObject, type Json, JsonNumber } from './json.ts'
import { type AvroSchema, fullName, isNamed } from './schema.ts'

const integer = /^-?\d+$/
const intRange = [-(2n ** 31n), 2n ** 31n - 1n] as const
const longRange = [-(2n ** 63n), 2n ** 63n - 1n] as const

/** The name of the type that a default does not fit; null when it fits. A union's default may be of any branch (Avro 1.12). */
export function defaultProblem(schema: AvroSchema, value: Json): string | null {
  return fits(schema, value) ? null : typeName(schema)
}

function fits(schema: AvroSchema, value: Json): boolean {
  switch (schema.kind) {
    case 'null':
      return value === null
    case 'boolean':
      return typeof value === 'boolean'
    case 'int':
      return isInteger(value, intRange)
    case 'long':
      return isInteger(value, longRange)
    case 'float':
    case 'double':
      return value instanceof JsonNumber
    case 'string':
    case 'bytes':
    case 'enum':
    case 'fixed':
      return typeof value === 'string'
    case 'array':
      return Array.isArray(value) && value.every(item => fits(schema.items, item))
    case 'map':
      return isObject(value) && [...value.values()].every(item => fits(schema.values, item))
    case 'union':
      return schema.branches.some(branch => fits(branch, value))
    case 'record':
      return (
        isObject(value) &&
        schema.fields.every(field => {
          const member = value.get(field.name) ?? (value.has(field.name) ? null : field.default)
          return member !== undefined && fits(field.type, member)
        })
      )
  }
}

function isInteger(value: Json, [min, max]: readonly [bigint, bigint]): boolean {
  if (!(value instanceof JsonNumber) || !integer.test(value.text)) return false
  const number = BigInt(value.text)
  return number >= min && number <= max
}

function typeName(schema: AvroSchema): string {
  return isNamed(schema) ? fullName(schema) : JSON.stringify(schema.kind)
}
