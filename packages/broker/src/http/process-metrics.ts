import { performance } from 'node:perf_hooks'
import type { MetricDeclaration, MetricFamily } from '@millrace/runtime'

const microsecondsPerSecond = 1_000_000

/** Names as Prometheus' own client for Node gives them: dashboards know them. */
const declarations = {
  cpu: {
    kind: 'counter',
    name: 'process.cpu.seconds',
    unit: 's',
    attributes: [],
    description: 'CPU time of the process, seconds',
  },
  resident: {
    kind: 'gauge',
    name: 'process.resident_memory',
    unit: 'By',
    attributes: [],
    description: 'Resident memory of the process',
  },
  heap: { kind: 'gauge', name: 'nodejs.heap_size_used', unit: 'By', attributes: [], description: 'Heap in use' },
  loop: {
    kind: 'gauge',
    name: 'nodejs.eventloop.utilization',
    unit: '1',
    attributes: [],
    description: 'Share of the time since the last look in which the event loop was busy',
  },
} as const satisfies Record<string, MetricDeclaration>

/** Figures of the process that serves them: for the Prometheus text alone. */
export class ProcessMetrics {
  #last = performance.eventLoopUtilization()

  families(): MetricFamily[] {
    const { user, system } = process.cpuUsage()
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, this.#last)
    this.#last = now
    return [
      single(declarations.cpu, (user + system) / microsecondsPerSecond),
      single(declarations.resident, process.memoryUsage.rss()),
      single(declarations.heap, process.memoryUsage().heapUsed),
      single(declarations.loop, utilization),
    ]
  }
}

function single(declaration: MetricDeclaration, value: number): MetricFamily {
  return { declaration, series: [[{}, value]] }
}
