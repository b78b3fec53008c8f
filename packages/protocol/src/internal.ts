/** Second door of @millrace/protocol: for sibling packages only. */
export {}
