/** Metadata log: records between begin and end take effect together. */
import { message, string, type ValueOf } from '../../schema.ts'

export const BeginTransactionRecord = message(
  'BeginTransactionRecord',
  { type: 23, versions: '0', flexible: 0 },
  { name: string({ tag: 0, nullable: true, default: null }) },
)

export interface BeginTransactionRecord extends ValueOf<typeof BeginTransactionRecord> {}

export const EndTransactionRecord = message('EndTransactionRecord', { type: 24, versions: '0', flexible: 0 }, {})

export interface EndTransactionRecord extends ValueOf<typeof EndTransactionRecord> {}

export const AbortTransactionRecord = message(
  'AbortTransactionRecord',
  { type: 25, versions: '0', flexible: 0 },
  { reason: string({ tag: 0, nullable: true, default: null }) },
)

export interface AbortTransactionRecord extends ValueOf<typeof AbortTransactionRecord> {}
