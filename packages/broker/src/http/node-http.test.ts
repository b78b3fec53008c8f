import { type Facts, type Logger, MillraceError, metricsText } from '@millrace/runtime'
import { afterEach, expect, test } from 'vitest'
import { BrokerMetrics } from '../broker-metrics.ts'
import { type NodeHttp, openNodeHttp } from './node-http.ts'
import { ProcessMetrics } from './process-metrics.ts'

const events: (Facts & { event: string })[] = []
const logger: Logger = { info: (event, facts) => void events.push({ event, ...facts }), warn: () => {}, error: () => {} }
const opened: NodeHttp[] = []
afterEach(async () => {
  for (const http of opened.splice(0)) await http.close()
})

async function open(unreadiness: () => string | null = () => null, port = 0): Promise<NodeHttp> {
  const metrics = new BrokerMetrics()
  metrics.isrShrunk()
  const process = new ProcessMetrics()
  const http = await openNodeHttp({
    address: { host: '127.0.0.1', port },
    logger,
    nodeId: 4,
    clusterId: 'MkU3OEVBNTcwNTJENDM2Qk',
    roles: ['broker'],
    unreadiness,
    metrics: () => metricsText([...metrics.families(), ...process.families()]),
  })
  opened.push(http)
  return http
}

test('/health answers whatever the state; /ready answers 503 with the reason until there is none', async () => {
  let reason: string | null = 'fenced: the controller has not let it serve yet'
  const { url } = await open(() => reason)
  expect(events.at(-1)).toEqual({ event: 'http.started', url })
  const health = await fetch(`${url}/health`)
  expect([health.status, await health.json()]).toEqual([
    200,
    { status: 'alive', nodeId: 4, clusterId: 'MkU3OEVBNTcwNTJENDM2Qk', roles: ['broker'] },
  ])
  const fenced = await fetch(`${url}/ready`)
  expect([fenced.status, await fenced.json()]).toEqual([503, { ready: false, nodeId: 4, reason }])
  reason = null
  const ready = await fetch(`${url}/ready`)
  expect([ready.status, await ready.json()]).toEqual([200, { ready: true, nodeId: 4 }])
})

test('/metrics is Prometheus text of the broker and of its process', async () => {
  const { url } = await open()
  const answer = await fetch(`${url}/metrics`)
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  const text = await answer.text()
  expect(text).toContain('\nmillrace_broker_isr_shrinks_total 1\n')
  expect(text).toMatch(/^process_resident_memory_bytes \d{7,}$/m)
  expect(text).toMatch(/^process_cpu_seconds_total [\d.]+$/m)
  expect(text).toMatch(/^nodejs_eventloop_utilization [\d.e-]+$/m)
})

test('anything else is not there, and a port in use says which key to change', async () => {
  const { url, port } = await open()
  expect((await fetch(`${url}/`)).status).toBe(404)
  expect((await fetch(`${url}/ready`, { method: 'POST' })).status).toBe(404)
  const failure = await open(undefined, port).catch(error => error)
  expect(failure).toBeInstanceOf(MillraceError)
  expect(failure.code).toBe('PORT_IN_USE')
  expect(failure.message).toMatch(new RegExp(`port ${port} of 127.0.0.1 is in use.*millrace.http.listener`))
})
