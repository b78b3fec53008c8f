import { ErrorCode } from '@millrace/protocol'
import { Refusal } from './decision.ts'

const maxLength = 249

/** Topics of the coordinators. Clients may read them; only the broker writes. */
const internalTopics = new Set(['__consumer_offsets', '__transaction_state', '__share_group_state'])

export function isInternalTopic(name: string): boolean {
  return internalTopics.has(name)
}

/** Throws a Refusal INVALID_TOPIC_EXCEPTION for a name that Kafka does not allow. */
export function checkTopicName(name: string): void {
  const problem = problemOf(name)
  if (problem !== null) throw new Refusal(ErrorCode.INVALID_TOPIC_EXCEPTION, `Topic name is invalid: ${problem}`)
}

function problemOf(name: string): string | null {
  if (name === '') return 'it is empty'
  if (name === '.' || name === '..') return `it is '${name}'`
  if (name.length > maxLength) return `it has ${name.length} characters, more than ${maxLength}`
  if (!/^[a-zA-Z0-9._-]+$/.test(name)) return `'${name}' has characters other than ASCII letters, digits, '.', '_' and '-'`
  return null
}

/** Names that are equal here would share the name of a metric in Kafka, and are not allowed beside each other. */
export function collisionKey(name: string): string {
  return name.replaceAll('.', '_')
}
