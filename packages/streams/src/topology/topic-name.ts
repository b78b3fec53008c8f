import { ConfigError } from '@millrace/runtime'

/** Kafka's rule for names of topics. */
export function checkTopicName(topic: string): void {
  if (typeof topic !== 'string' || !/^[a-zA-Z0-9._-]{1,249}$/.test(topic) || topic === '.' || topic === '..')
    throw new ConfigError(
      `Invalid topic name ${JSON.stringify(topic)}`,
      '1 to 249 letters, digits, dots, underscores and hyphens',
    )
}
