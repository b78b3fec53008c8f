/** Second door of @millrace/streams: for sibling packages only. */
export { streamsKeys } from './config.ts'
