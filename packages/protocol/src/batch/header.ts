/** A record header as it is read. Names may repeat; a value may be null. */
export interface Header {
  readonly key: string
  readonly value: Uint8Array | null
}

/** A record header as it is written: text stands for its UTF-8 bytes. */
export interface HeaderDraft {
  readonly key: string
  readonly value: Uint8Array | string | null
}
