/** A batch as the consumer gives it, and the cursor over it: structurally those of the client and the protocol. */
export interface InputBatch {
  readonly topic: string
  readonly partition: number
  readonly nextOffset: number
  /** The end of the partition as of the fetch. */
  readonly highWatermark: number
  readonly recordCount: number
  records(): InputCursor
}

export interface InputCursor {
  next(): boolean
  readonly offset: number
  readonly timestamp: number
  readonly bytes: Uint8Array
  readonly keyStart: number
  /** -1: null. */
  readonly keyLength: number
  readonly valueStart: number
  /** -1: null. */
  readonly valueLength: number
  readonly headerCount: number
  readonly headersStart: number
  readonly recordEnd: number
  headers(): { key: string; value: Uint8Array | null }[]
}
