/** Door of @millrace/schema-registry. */

export { canonicalText } from './avro/canonical.ts'
export { type Incompatibility, type IncompatibilityKind, incompatibilities } from './avro/compatibility.ts'
export { InvalidSchemaError, parseSchema } from './avro/parse.ts'
export { type CompatibilityLevel, checkCompatibility, compatibilityLevels } from './compatibility-level.ts'
export { RegistryError, registryErrors } from './errors.ts'
export { RegistryClient, type RegistryClientOptions } from './http-client.ts'
export { defineSchema, type ValueOf } from './infer.ts'
export type { SchemaInput } from './parsed-schemas.ts'
export { Registry } from './registry.ts'
export type { SchemaVersion } from './schema-versions.ts'
export { AvroError, type AvroOptions, type AvroSerde, avro } from './serde.ts'
export { type RegistryOptions, type RunningRegistry, startRegistry } from './server.ts'
