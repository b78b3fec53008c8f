/** Door of @millrace/cli: what the command runs. */
export { main } from './main.ts'
