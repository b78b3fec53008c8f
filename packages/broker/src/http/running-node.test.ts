import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BatchBuilder, CreateTopics, DeleteTopics, Produce } from '@millrace/protocol'
import { type Logger, nodeWorld, silentLogger } from '@millrace/runtime'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Broker } from '../broker.ts'
import { startNode } from '../start-node.ts'
import { RawClient } from '../testing/raw-client.ts'

const world = nodeWorld()
let directory: string
let broker: Broker
let url = ''

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-http-'))
  const logger: Logger = {
    ...silentLogger,
    info: (event, facts) => {
      if (event === 'http.started') url = String(facts!['url'])
    },
  }
  const properties = new Map([['millrace.http.listener', 'http://127.0.0.1:0']])
  broker = await startNode({ world, dataDirectory: `${directory}/data`, port: 0, logger, properties })
})
afterEach(async () => {
  await broker.close()
  rmSync(directory, { recursive: true })
})

/** Metrics by their names with labels. */
async function metrics(): Promise<Map<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return new Map(lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]))
}

test('a node that serves is ready, and its metrics tell of what it did and of its place in the cluster', async () => {
  expect((await fetch(`${url}/ready`)).status).toBe(200)
  expect(await (await fetch(`${url}/health`)).json()).toMatchObject({
    status: 'alive',
    nodeId: 1,
    roles: ['broker', 'controller'],
  })
  const client = await RawClient.connect(world, broker.listeners[0]!.port)
  const topic = { name: 't', numPartitions: 2, replicationFactor: 1 }
  await client.request(CreateTopics, 7, { timeoutMs: 5000, topics: [topic] })
  const builder = new BatchBuilder({ maxBytes: 1000 })
  builder.append(1000, null, 'value')
  const records = builder.build()
  const topicData = [{ name: 't', partitionData: [{ index: 0, records }] }]
  await client.request(Produce, 9, { acks: -1, timeoutMs: 5000, topicData })
  const shown = await metrics()
  expect(shown.get('millrace_controller_active')).toBe(1)
  expect(shown.get('millrace_broker_partitions')).toBe(2)
  expect(shown.get('millrace_broker_replicas')).toBe(2)
  expect(shown.get('millrace_broker_connections')).toBe(1)
  for (const name of ['broker_partitions_under_replicated', 'broker_partitions_under_min_isr', 'cluster_partitions_leaderless'])
    expect(shown.get(`millrace_${name}`), name).toBe(0)
  expect(shown.get('millrace_raft_epoch')).toBeGreaterThan(0)
  expect(shown.get('millrace_metadata_offset')).toBeGreaterThan(0)
  expect(shown.get('millrace_broker_log_size_bytes{topic="t"}')).toBe(records.length)
  expect(shown.get('millrace_broker_log_append_records_total{topic="t"}')).toBe(1)
  expect(shown.get('millrace_broker_requests_total{api="Produce"}')).toBe(1)
  expect(shown.get('millrace_broker_request_duration_seconds_bucket{api="Produce",le="+Inf"}')).toBe(1)
  await client.request(DeleteTopics, 5, { topicNames: ['t'], timeoutMs: 5000 })
  expect([...(await metrics()).keys()].filter(name => name.includes('topic="t"'))).toEqual([])
  client.close()
})

test('a node that was closed answers nobody', async () => {
  await broker.close()
  await expect(fetch(`${url}/health`)).rejects.toThrow()
})
