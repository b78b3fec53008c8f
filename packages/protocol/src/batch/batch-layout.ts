/** Where the fields of a v2 batch stand, counted in bytes from its start. */
export const BASE_OFFSET = 0
export const BATCH_LENGTH = 8
export const PARTITION_LEADER_EPOCH = 12
export const MAGIC = 16
export const CRC = 17
/** The CRC covers everything from here on. */
export const ATTRIBUTES = 21
export const LAST_OFFSET_DELTA = 23
export const BASE_TIMESTAMP = 27
export const MAX_TIMESTAMP = 35
export const PRODUCER_ID = 43
export const PRODUCER_EPOCH = 51
export const BASE_SEQUENCE = 53
export const RECORD_COUNT = 57
export const HEADER_BYTES = 61

/** The length field counts what stands behind it. */
export const LENGTH_OVERHEAD = 12

/** Bits of the attributes. */
export const CODEC_MASK = 0b111
export const LOG_APPEND_TIME = 1 << 3
export const TRANSACTIONAL = 1 << 4
export const CONTROL = 1 << 5
export const DELETE_HORIZON = 1 << 6

/** An empty record: length, attributes, timestamp delta, offset delta, key length, value length, header count. */
export const MIN_RECORD_BYTES = 7
/** A header with an empty name and no value. */
export const MIN_HEADER_BYTES = 2
