import {
  type Api,
  apis,
  groupRecordTypes,
  type Message,
  metadataRecords,
  shareStateRecordTypes,
  transactionRecordTypes,
} from '@millrace/protocol'

/** `docs/apis.md`: every API and record that is declared, with its versions, from the declarations themselves. */
export function apisPage(): string {
  return `# Kafka's protocol as Millrace declares it

Made by \`npm run docs\` from \`packages/protocol/src/messages/\`. *Spoken* are the versions that Apache Kafka 4.3.1 calls stable; *declared* may reach
further, for what comes next. What a running broker serves is what its ApiVersions answer lists. Letters: B broker, C controller;
*cluster*: between brokers and controllers, needs the ClusterAction permission; *forwarded*: a broker passes it on to the controller.

## Requests and responses

${table(['key', 'API', 'spoken', 'declared', 'flexible from', 'listeners', ''], apis.map(apiRow))}

## Records of the metadata log

${table(['type', 'record', 'versions', 'flexible from'], [...metadataRecords.values()].map(recordRow))}

## Records of the coordinators

${[
  ['__consumer_offsets', groupRecordTypes] as const,
  ['__transaction_state', transactionRecordTypes] as const,
  ['__share_group_state', shareStateRecordTypes] as const,
]
  .map(
    ([topic, types]) =>
      `### \`${topic}\`\n\n${table(
        ['type', 'record', 'versions of the value', 'flexible from'],
        [...types.values()].map(({ type, name, value }) => [type, name, versions(value), flexible(value)]),
      )}`,
  )
  .join('\n\n')}
`
}

function apiRow(api: Api<any, any>): (string | number)[] {
  const spoken = api.versions === null ? '–' : range(api.versions.min, api.versions.max)
  const listeners = api.listeners.map(listener => listener[0]!.toUpperCase()).join('')
  const remarks = [...(api.clusterAction ? ['cluster'] : []), ...(api.forwarded ? ['forwarded'] : [])].join(', ')
  return [api.key, api.name, spoken, versions(api.request), flexible(api.request), listeners, remarks]
}

function recordRow(message: Message<any>): (string | number)[] {
  return [message.type!, message.name, versions(message), flexible(message)]
}

function versions({ versions: { min, max } }: Message<any>): string {
  return range(min, max)
}

function range(min: number, max: number): string {
  return min === max ? `${min}` : `${min}–${max}`
}

function flexible({ flexibleFrom }: Message<any>): string | number {
  return Number.isFinite(flexibleFrom) ? flexibleFrom : 'never'
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '--')), ...rows.map(line)].join('\n')
}
