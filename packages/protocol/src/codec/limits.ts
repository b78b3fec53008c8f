/** Elements of one array; a larger count is refused before anything is allocated. */
export const maxArrayElements = 1_000_000

/**
 * Structs and byte views in all arrays of one message together: what one count may not ask for, nested counts may not either.
 * Numbers and strings are not counted; they take little more memory than they took bytes.
 */
export const maxMessageObjects = 1_000_000

/** Tagged fields in one section. */
export const maxTaggedFields = 10_000

/** Bytes of a string, as UTF-8. */
export const maxStringBytes = 32_767

/** Byte fields from this size on become chunks of their own instead of being copied. */
export const minAttachedBytes = 1024
