/** Second door of @millrace/protocol: for sibling packages only. */
export { projectValue, type RandomSource, randomValue } from './random-value.ts'
export { seededRandom } from './seeded-random.ts'
