/** The reference page of configuration keys, from their declarations. */
import { brokerKeys } from '../../packages/broker/src/config/broker-config.ts'
import { clientMetricsKeys } from '../../packages/broker/src/config/client-metrics-keys.ts'
import { groupConfigKeys } from '../../packages/broker/src/config/group-config-keys.ts'
import { topicKeys } from '../../packages/broker/src/config/topic-keys.ts'
import { keptWithoutEffectYet, withoutEffectYet } from '../../packages/broker/src/config/without-effect.ts'
import { clientKeys, consumerKeys, producerKeys } from '../../packages/client/src/config.ts'
import { type ConfigKey, describeRange, formatConfigValue } from '../../packages/runtime/src/config.ts'
import { streamsKeys } from '../../packages/streams/src/config.ts'

/** The text of `docs/config.md`. */
export function configPage(): string {
  return [
    '# Configuration',
    '',
    'Written by `npm run docs` from the declarations in the packages. Names, types, ranges and defaults are those of Apache Kafka.',
    '',
    '## Broker',
    '',
    'Keys of `server.properties`. A key marked *dynamic* may also be changed on a running broker, for one broker or for all.',
    'A bad value ends the start with an error that names the range; an unknown key is a warning.',
    '',
    ...table(brokerKeys),
    '',
    '## Topic',
    '',
    'Settings of one topic, given when it is created or altered later. What a topic does not set comes from the broker key.',
    '',
    ...table(topicKeys),
    '',
    '## Group and client metrics',
    '',
    'Settings of a group, and of a subscription of client metrics. They are kept, shown and checked; what reads them (newer group protocols, pushes of metrics) is not served yet.',
    '',
    ...table(groupConfigKeys),
    '',
    ...table(clientMetricsKeys),
    '',
    '## Accepted without effect yet',
    '',
    'Apache Kafka knows these broker keys; this version takes them, with one warning each, and does not act on them:',
    '',
    `${[...withoutEffectYet].map(name => `\`${name}\``).join(', ')}.`,
    '',
    '## Clients',
    '',
    'Options of `Producer`, `Consumer` and `Admin`, in brackets their names in code.',
    '',
    '### All clients',
    '',
    ...table(clientKeys, true),
    '',
    '### Producer',
    '',
    ...table(producerKeys, true),
    '',
    '### Consumer',
    '',
    ...table(consumerKeys, true),
    '',
    '## Streams',
    '',
    ...table(streamsKeys, true),
    '',
  ].join('\n')
}

function table(keys: Readonly<Record<string, ConfigKey<any>>>, inCode = false): string[] {
  const rows = Object.entries(keys)
    .sort(([, a], [, b]) => (a.name < b.name ? -1 : 1))
    .map(([option, key]) => {
      const name = inCode && option !== key.name ? `\`${key.name}\` (\`${option}\`)` : `\`${key.name}\``
      const cells = [name, key.type, defaultOf(key), rangeOf(key), meaningOf(key)]
      return `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
    })
  return ['| key | type | default | values | meaning |', '|---|---|---|---|---|', ...rows]
}

function defaultOf(key: ConfigKey): string {
  if (key.default === undefined) return 'must be given'
  const text = formatConfigValue(key.default)
  if (text === null) return 'none'
  return text === '' ? 'empty' : `\`${text}\``
}

function rangeOf(key: ConfigKey): string {
  const range = describeRange(key)
  return range === key.type ? '' : range
}

function meaningOf(key: ConfigKey): string {
  const parts = [key.doc]
  const fallbacks = (key.fallbacks ?? []).map(({ name }) => `\`${name}\``)
  if (fallbacks.length > 0) parts.push(`When not set: ${fallbacks.join(', then ')}.`)
  if (key.dynamic) parts.push('*Dynamic.*')
  if (keptWithoutEffectYet.has(key.name)) parts.push('*Kept and shown; without effect yet.*')
  return parts.join(' ')
}
