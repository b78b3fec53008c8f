/** Second door of @millrace/client: for sibling packages only. */
export {}
