/** Second door of @millrace/cli: for sibling packages only. */
export {}
