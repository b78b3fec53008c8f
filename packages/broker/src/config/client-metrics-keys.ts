import { declaring } from './declare.ts'

const { int, list } = declaring('client-metrics')

/** A subscription of client metrics (resource type 16, KIP-714): kept and shown; this version does not ask clients for them. */
export const clientMetricsKeys = {
  metrics: list('metrics', [], 'Prefixes of the names of the metrics that clients push; * for all.'),
  intervalMs: int('interval.ms', 300_000, 'Time between two pushes.', { min: 100, max: 3_600_000 }),
  match: list('match', [], 'Which clients: selector=regular expression, all must match.'),
}
