/** Elements of one array; a larger count is refused before anything is allocated. */
export const maxArrayElements = 1_000_000

/** Elements of all arrays of one message together: nested counts may not add up to what one count may not be. */
export const maxMessageElements = 4_000_000

/** Tagged fields in one section. */
export const maxTaggedFields = 10_000

/** Bytes of a string, as UTF-8. */
export const maxStringBytes = 32_767

/** Byte fields from this size on become chunks of their own instead of being copied. */
export const minAttachedBytes = 1024
