/** Second door of @millrace/schema-registry: for sibling packages only. */
export {}
