import { KafkaError } from '../errors/kafka-error.ts'

/** What is wrong with one record, by its position in its batch: as produce responses (version 8) carry it. */
export interface RecordError {
  readonly batchIndex: number
  readonly batchIndexErrorMessage: string
}

/** A batch that a broker does not take: INVALID_RECORD, INVALID_TIMESTAMP or MESSAGE_TOO_LARGE. No record of it is stored. */
export class InvalidRecordsError extends KafkaError {
  /** Empty when the batch as a whole is at fault. */
  readonly recordErrors: readonly RecordError[]

  constructor(errorCode: number, message: string, recordErrors: readonly RecordError[] = []) {
    super(errorCode, message)
    this.recordErrors = recordErrors
  }
}
