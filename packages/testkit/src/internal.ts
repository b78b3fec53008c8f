/** Second door of @millrace/testkit: for sibling packages only. */
export {}
