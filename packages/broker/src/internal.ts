/** Second door of @millrace/broker: for sibling packages only. */
export {}
