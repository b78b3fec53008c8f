/** Second door of @millrace/broker: for sibling packages only. */
export { newUuid } from './storage/new-uuid.ts'
