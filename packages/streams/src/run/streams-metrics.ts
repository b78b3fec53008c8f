import { type Metrics, metricsOf } from '@millrace/runtime'
import type { AppMetrics } from './status.ts'

const counted = {
  processed: 'Input records pushed through the pipeline',
  dropped: 'Records dropped: null keys or values, negative timestamps, failures that a handler let go',
  late: 'Records dropped because their window had closed',
  repeated: 'Records that came again through a repartition topic after a crash and were let go',
  commits: 'Commits of tasks',
  restored: 'Records read from changelogs to rebuild state',
} as const

/** The counts of an instance for OpenTelemetry, brought up to date at commits. */
export class StreamsMetrics {
  readonly #add: (counts: AppMetrics) => void

  constructor(applicationId: string, metrics: Metrics = metricsOf('@millrace/streams', '0.1.0')) {
    const attributes = { application: applicationId }
    const counters = Object.entries(counted).map(([name, description]) => ({
      name: name as keyof typeof counted,
      counter: metrics.counter(`millrace.streams.${name}`, { description }),
      told: 0,
    }))
    this.#add = counts => {
      for (const each of counters) {
        const count = counts[each.name]
        if (count > each.told) each.counter.add(count - each.told, attributes)
        each.told = count
      }
    }
  }

  /** `counts`: since the instance started. */
  update(counts: AppMetrics): void {
    this.#add(counts)
  }
}
