import { MillraceError } from '@millrace/runtime'

/** An answer with Confluent's code: the HTTP status is its first three digits. */
export class RegistryError extends MillraceError {
  readonly errorCode: number

  constructor(errorCode: number, message: string) {
    super('SCHEMA_REGISTRY', message, { retriable: errorCode >= 50000 })
    this.errorCode = errorCode
  }

  get httpStatus(): number {
    return this.errorCode >= 1000 ? Math.floor(this.errorCode / 100) : this.errorCode
  }
}

/** The errors of the registry, by the situation. Codes and messages are Confluent's (8.x). */
export const registryErrors = {
  subjectNotFound: (subject: string) => new RegistryError(40401, `Subject '${subject}' not found.`),
  versionNotFound: (version: number | string) => new RegistryError(40402, `Version ${version} not found.`),
  schemaNotFound: (id?: number) => new RegistryError(40403, id === undefined ? 'Schema not found' : `Schema ${id} not found`),
  subjectSoftDeleted: (subject: string) =>
    new RegistryError(40404, `Subject '${subject}' was soft deleted. Set permanent=true to delete permanently`),
  subjectNotSoftDeleted: (subject: string) =>
    new RegistryError(40405, `Subject '${subject}' was not deleted first before being permanently deleted`),
  versionSoftDeleted: (subject: string, version: number) =>
    new RegistryError(
      40406,
      `Subject '${subject}' Version ${version} was soft deleted. Set permanent=true to delete permanently`,
    ),
  versionNotSoftDeleted: (subject: string, version: number) =>
    new RegistryError(40407, `Subject '${subject}' Version ${version} was not deleted first before being permanently deleted`),
  noSubjectConfig: (subject: string) =>
    new RegistryError(40408, `Subject '${subject}' does not have subject-level compatibility configured`),
  noSubjectMode: (subject: string) =>
    new RegistryError(40409, `Subject '${subject}' does not have subject-level mode configured`),
  incompatible: (subject: string, details: readonly string[]) =>
    new RegistryError(
      40901,
      `Schema being registered is incompatible with an earlier schema for subject "${subject}", details: [${details.join(', ')}]`,
    ),
  invalidSchema: (reason: string) => new RegistryError(42201, reason),
  invalidVersion: (version: string) =>
    new RegistryError(
      42202,
      `The specified version '${version}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string "latest"`,
    ),
  invalidLevel: () =>
    new RegistryError(
      42203,
      'Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, forward_transitive, and full_transitive',
    ),
  invalidMode: () => new RegistryError(42204, 'Invalid mode. Valid values are READWRITE, READONLY'),
  notPermitted: (subject: string, mode: string) =>
    new RegistryError(42205, `Subject ${subject || 'null'} is in ${mode.toLowerCase()} mode`),
  referenceExists: (subject: string, version: number) =>
    new RegistryError(
      42206,
      `One or more references exist to the schema {magic=1,keytype=SCHEMA,subject=${subject},version=${version}}.`,
    ),
  invalidSubject: (subject: string) => new RegistryError(42208, `The specified subject '${subject}' is not a valid.`),
  storeFailed: (reason: string) => new RegistryError(50001, `Error in the backend data store: ${reason}`),
  storeTimeout: () => new RegistryError(50002, 'Register operation timed out'),
  forwardingFailed: (reason: string) => new RegistryError(50003, `Error while forwarding the request to the primary: ${reason}`),
  unknownPrimary: () => new RegistryError(50004, 'Leader not known.'),
} as const
