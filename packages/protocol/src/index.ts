/** Door of @millrace/protocol: what users import. */
export { type Api, api, requestHeaderVersion, responseHeaderVersion } from './api.ts'
export * from './batch/index.ts'
export { decode, decodePrefix, encode, encodeWhole, joined } from './codec/codec.ts'
export * from './compression/index.ts'
export { crc32c } from './crc32c.ts'
export { ErrorCode, type ErrorName } from './errors/error-code.ts'
export { type ErrorFacts, errorFacts, errors } from './errors/error-table.ts'
export { errorOf, KafkaError } from './errors/kafka-error.ts'
export { FrameSplitter } from './framing.ts'
export { apis } from './messages/all-apis.ts'
export * from './messages/index.ts'
export { ProtocolError } from './protocol-error.ts'
export {
  decodeMetadataRecord,
  decodeRecordKey,
  decodeRecordValue,
  encodeMetadataRecord,
  encodeRecordKey,
  encodeRecordValue,
  groupRecordTypes,
  isRecordOf,
  type MetadataRecord,
  metadataRecords,
  type RecordType,
  type RecordTypes,
  shareStateRecordTypes,
  transactionRecordTypes,
} from './record-types.ts'
export {
  apiOf,
  correlationIdOf,
  type DecodedRequestHeader,
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  encodeRequest,
  encodeResponse,
} from './request.ts'
export type { Draft, ElementOf, EntityType, Field, Fields, Message, ValueOf, VersionRange } from './schema.ts'
export { isUuid, uuidBytes, uuidOf, zeroUuid } from './uuid.ts'
export { putUvarint, putVarint, readUvarint, readVarint, uvarintSize, type VarintCursor } from './varint.ts'
export { askVersions, commonVersion, nextCorrelationId, type SpokenVersions } from './version-agreement.ts'
