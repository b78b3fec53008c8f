/** In place of a set of operations: it was not asked for. */
export const operationsNotAsked = -2147483648

/** Bits of the ACL operations that a topic knows; all are allowed as long as there is no authorizer. */
export const topicOperations = bits(3, 4, 5, 6, 7, 8, 10, 11)
/** The same of the cluster. */
export const clusterOperations = bits(5, 7, 8, 9, 10, 11, 12)

function bits(...operations: number[]): number {
  return operations.reduce((set, operation) => set | (1 << operation), 0)
}
