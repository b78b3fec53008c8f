/** Second door of @millrace/protocol: for sibling packages only. */
export { describeBatch } from './batch/describe-batch.ts'
export { projectValue, type RandomSource, randomValue } from './random-value.ts'
export { seededRandom } from './seeded-random.ts'
