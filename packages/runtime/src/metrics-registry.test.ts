import { expect, test } from 'vitest'
import { metricsOf } from './metrics.ts'
import { type MetricDeclaration, MetricsRegistry } from './metrics-registry.ts'
import { metricsText } from './metrics-text.ts'

const requests: MetricDeclaration = {
  kind: 'counter',
  name: 'millrace.test.requests',
  unit: '{request}',
  attributes: ['api', 'error.type'],
  description: 'Requests\nof a \\ kind',
}
const io: MetricDeclaration = { kind: 'counter', name: 'millrace.test.io', unit: 'By', attributes: [], description: 'Bytes' }
const duration: MetricDeclaration = {
  kind: 'histogram',
  name: 'millrace.test.duration',
  unit: 'ms',
  attributes: ['api'],
  description: 'Time',
}
const size: MetricDeclaration = {
  kind: 'gauge',
  name: 'millrace.test.log.size',
  unit: 'By',
  attributes: ['topic'],
  description: 'Size',
}

const registryOf = () => new MetricsRegistry(metricsOf('test', '1'))

test('a counter is read back with its labels, escaped as the format wants', () => {
  const registry = registryOf()
  const counter = registry.counter(requests)
  counter.of({ api: 'Produce' }).add(2)
  counter.of({ api: 'Produce' }).add(1)
  counter.of({ api: 'Fetch', 'error.type': 'a"b\\c' }).add(1)
  registry.counter(io).of().add(10)
  expect(metricsText(registry.families())).toBe(
    `${[
      '# HELP millrace_test_requests_total Requests\\nof a \\\\ kind',
      '# TYPE millrace_test_requests_total counter',
      'millrace_test_requests_total{api="Produce"} 3',
      'millrace_test_requests_total{api="Fetch",error_type="a\\"b\\\\c"} 1',
      '# HELP millrace_test_io_bytes_total Bytes',
      '# TYPE millrace_test_io_bytes_total counter',
      'millrace_test_io_bytes_total 10',
    ].join('\n')}\n`,
  )
})

test('a histogram has cumulative buckets in seconds, and what is above the last bound only in +Inf', () => {
  const registry = registryOf()
  const series = registry.histogram(duration).of({ api: 'Fetch' })
  for (const ms of [0.25, 0.5, 500, 60_000]) series.record(ms)
  const lines = metricsText(registry.families()).split('\n')
  expect(lines).toContain('millrace_test_duration_seconds_bucket{api="Fetch",le="0.00025"} 1')
  expect(lines).toContain('millrace_test_duration_seconds_bucket{api="Fetch",le="0.0005"} 2')
  expect(lines).toContain('millrace_test_duration_seconds_bucket{api="Fetch",le="0.25"} 2')
  expect(lines).toContain('millrace_test_duration_seconds_bucket{api="Fetch",le="10"} 3')
  expect(lines).toContain('millrace_test_duration_seconds_bucket{api="Fetch",le="+Inf"} 4')
  expect(lines).toContain('millrace_test_duration_seconds_sum{api="Fetch"} 60.50075')
  expect(lines).toContain('millrace_test_duration_seconds_count{api="Fetch"} 4')
})

test('a gauge is read when it is asked for, one number or one for each set of attributes, until it is stopped', () => {
  const registry = registryOf()
  let bytes = 1
  const stop = registry.gauge(size, { 'node.id': 1 }, () => [
    [{ topic: 'a' }, bytes],
    [{ topic: 'b' }, 2 * bytes],
  ])
  bytes = 5
  const text = metricsText(registry.families())
  expect(text).toContain('millrace_test_log_size_bytes{topic="a"} 5\nmillrace_test_log_size_bytes{topic="b"} 10\n')
  stop()
  expect(metricsText(registry.families())).toBe('\n')
})

test('series of what is no more are forgotten', () => {
  const registry = registryOf()
  const counter = registry.counter(requests)
  for (const api of ['a', 'b']) counter.of({ api }).add(1)
  counter.keep(({ api }) => api === 'b')
  expect(metricsText(registry.families())).not.toContain('api="a"')
  expect(metricsText(registry.families())).toContain('api="b"')
})
