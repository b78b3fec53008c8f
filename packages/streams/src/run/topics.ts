import type { Admin } from '@millrace/client'
import { ErrorCode, KafkaError } from '@millrace/protocol'
import { type Clock, ConfigError, type Logger, sleep } from '@millrace/runtime'
import type { SourceNode } from '../topology/node.ts'
import type { StoreSpec } from '../topology/store-spec.ts'
import type { Topology } from '../topology/topology.ts'
import { tasksOf } from './task-assignor.ts'

/** What Kafka Streams adds to a windowed changelog's retention, as the broker deletes by the wall clock. */
const additionalRetentionMs = 86_400_000

/** How long a topic that was just created may be unknown to the broker that is asked: brokers follow the controller one by one. */
const arrivalMs = 1_000

interface InternalTopic {
  readonly topic: string
  readonly partitions: number
  readonly configs: Readonly<Record<string, string>>
}

/**
 * Sees to it that everything that the topology reads and writes is there and fits: input and output topics exist, joined topics have equally many
 * partitions, changelogs and repartition topics are created with what they need. Returns the number of partitions by topic.
 */
export async function prepareTopics(
  admin: Admin,
  topology: Topology,
  replicationFactor: number,
  { logger, clock }: { readonly logger: Logger; readonly clock: Clock },
): Promise<Map<string, number>> {
  const users = new Set(
    topology.subtopologies.flatMap(({ sources, sinks }) =>
      [...sources, ...sinks].filter(node => !node.repartition).map(({ topic }) => topic),
    ),
  )
  let existing: Set<string>
  let missing: string[]
  const deadlineMs = clock.monotonic() + arrivalMs
  for (;;) {
    existing = new Set((await admin.listTopics()).map(({ topic }) => topic))
    missing = [...users].filter(topic => !existing.has(topic)).sort()
    if (missing.length === 0 || clock.monotonic() >= deadlineMs) break
    await sleep(clock, arrivalMs / 10)
  }
  if (missing.length > 0)
    throw new ConfigError(
      `Missing topics: ${missing.join(', ')}`,
      'create them first; the application creates only its own changelogs and repartition topics',
    )

  const known = [...users, ...internalNames(topology).filter(topic => existing.has(topic))]
  const counts = new Map((await admin.describeTopics(known)).map(({ topic, partitions }) => [topic, partitions.length]))
  const wanted = internalTopics(topology, counts)
  for (const { topic, partitions } of wanted) {
    const has = counts.get(topic)
    if (has !== undefined && has !== partitions)
      throw new ConfigError(
        `Topic ${topic} has ${has} partitions, ${partitions} are needed`,
        'the number of partitions of an input has changed: delete the internal topics and the state to start over',
      )
  }
  const toCreate = wanted.filter(({ topic }) => !counts.has(topic))
  await create(admin, toCreate, replicationFactor)
  for (const { topic, partitions } of toCreate) {
    counts.set(topic, partitions)
    logger.info('internal topic created', { topic, partitions })
  }
  await warnOfRetention(admin, topology, logger)
  return counts
}

function internalNames(topology: Topology): string[] {
  return topology.subtopologies.flatMap(({ sources, stores }) => [
    ...sources.filter(({ repartition }) => repartition).map(({ topic }) => topic),
    ...stores.filter(({ isSourceTopic }) => !isSourceTopic).map(({ changelog }) => changelog),
  ])
}

/**
 * The internal topics with the partitions that they must have. Throws a ConfigError where joined topics differ. `counts`: of the user's topics.
 */
export function internalTopics(topology: Topology, counts: ReadonlyMap<string, number>): InternalTopic[] {
  const all = new Map(counts)
  // A repartition topic may feed a subtopology whose repartition topics come from it in turn: as many rounds as there are subtopologies settle it.
  for (const { topic } of topology.subtopologies.flatMap(({ sources }) => sources.filter(({ repartition }) => repartition)))
    all.delete(topic)
  for (let round = 0; round <= topology.subtopologies.length; round++)
    for (const subtopology of topology.subtopologies) {
      for (const group of subtopology.coPartitioned) partitionsOfGroup(group, subtopology.sources, all)
      const feeding = Math.max(0, ...subtopology.sources.map(({ topic }) => all.get(topic) ?? 0))
      for (const { topic } of subtopology.sinks.filter(({ repartition }) => repartition))
        if (!all.has(topic) && feeding > 0 && !isInGroup(topology, topic)) all.set(topic, feeding)
    }
  // What is only joined with other repartition topics has nobody to tell it: the largest feeder counts.
  for (const subtopology of topology.subtopologies) {
    const feeding = Math.max(0, ...subtopology.sources.map(({ topic }) => all.get(topic) ?? 0))
    for (const { topic } of subtopology.sinks.filter(({ repartition }) => repartition))
      if (!all.has(topic)) all.set(topic, Math.max(1, feeding))
  }
  for (const subtopology of topology.subtopologies) for (const group of subtopology.coPartitioned) checkGroup(group, all)

  const topics: InternalTopic[] = []
  for (const subtopology of topology.subtopologies) {
    for (const { topic, repartition } of subtopology.sources)
      if (repartition) topics.push({ topic, partitions: all.get(topic)!, configs: repartitionConfig })
    const tasks = tasksOf(subtopology, topic => all.get(topic) ?? 0).length
    for (const store of subtopology.stores)
      if (!store.isSourceTopic) topics.push({ topic: store.changelog, partitions: tasks, configs: changelogConfig(store) })
  }
  return topics
}

function isInGroup(topology: Topology, topic: string): boolean {
  return topology.subtopologies.some(({ coPartitioned }) =>
    coPartitioned.some(group => group.includes(topic) && group.length > 1),
  )
}

/** Repartition topics take the number of the others in their group. */
function partitionsOfGroup(group: readonly string[], sources: readonly SourceNode[], counts: Map<string, number>): void {
  const fixed = group.find(topic => counts.has(topic))
  if (fixed === undefined) return
  for (const topic of group)
    if (!counts.has(topic) && sources.some(source => source.topic === topic && source.repartition))
      counts.set(topic, counts.get(fixed)!)
}

function checkGroup(group: readonly string[], counts: ReadonlyMap<string, number>): void {
  if (new Set(group.map(topic => counts.get(topic))).size <= 1) return
  throw new ConfigError(
    `Topics that are joined must have equally many partitions: ${group.map(topic => `${topic} has ${counts.get(topic)}`).join(', ')}`,
    'create them with the same number, or join by a re-keyed stream: join(table, { by: … }, …)',
  )
}

/** Records stay until they are processed, whatever their time: the application deletes them itself. */
const repartitionConfig = {
  'cleanup.policy': 'delete',
  'retention.ms': '-1',
  'segment.bytes': '52428800',
  'message.timestamp.type': 'CreateTime',
}

function changelogConfig({ windows, retentionMs, changelogConfig: own }: StoreSpec): Record<string, string> {
  const base: Record<string, string> =
    windows === null
      ? { 'cleanup.policy': 'compact' }
      : { 'cleanup.policy': 'compact,delete', 'retention.ms': String(retentionMs + additionalRetentionMs) }
  return { ...base, 'message.timestamp.type': 'CreateTime', ...own }
}

async function create(admin: Admin, topics: readonly InternalTopic[], replicationFactor: number): Promise<void> {
  for (const topic of topics) {
    try {
      await admin.createTopics([{ ...topic, replicationFactor }])
    } catch (error) {
      // Another instance was quicker.
      if (!(error instanceof KafkaError && error.errorCode === ErrorCode.TOPIC_ALREADY_EXISTS)) throw error
    }
  }
}

async function warnOfRetention(admin: Admin, topology: Topology, logger: Logger): Promise<void> {
  const tables = topology.subtopologies.flatMap(({ stores }) =>
    stores.filter(({ isSourceTopic }) => isSourceTopic).map(({ changelog }) => changelog),
  )
  if (tables.length === 0) return
  const described = await admin.describeConfigs(tables.map(name => ({ type: 'topic', name, keys: ['cleanup.policy'] })))
  for (const { name, entries } of described) {
    const policy = entries.find(entry => entry.name === 'cleanup.policy')?.value ?? ''
    if (!policy.includes('compact'))
      logger.warn('table topic is not compacted', {
        topic: name,
        policy,
        consequence: 'rows that retention deletes are missing when state is rebuilt',
      })
  }
}
