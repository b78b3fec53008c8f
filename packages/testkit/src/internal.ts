/** Second door of @millrace/testkit: for the project's own tests only. */
export type { Mutant } from './mutants/mutant.ts'
export { hunt, mutants } from './mutants/mutants.ts'
