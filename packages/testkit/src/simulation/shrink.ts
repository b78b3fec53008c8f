import type { SimulationOptions } from './options.ts'
import type { SimulationResult } from './run.ts'

/** Runs a seed with some of its options fixed. */
export type Play = (override: Partial<SimulationOptions>) => Promise<SimulationResult>

export interface Shrunk {
  /** What has to be fixed of the draw. */
  readonly override: Partial<SimulationOptions>
  readonly result: SimulationResult
  readonly runs: number
}

/** Simpler values, one option at a time, in the order in which they are tried. */
const simpler: readonly Partial<SimulationOptions>[] = [
  { brokers: 1, controllers: 1, combined: true, voters: 'static' },
  { streams: false },
  { topicChanges: false },
  { replicaChanges: false },
  { retention: false },
  { brokers: 3 },
  { controllers: 1 },
  { controllers: 3 },
  { combined: true },
  { voters: 'static' },
  { racks: false },
  { rebalanceEverySeconds: 0 },
  { healsAll: true },
  { producers: 1 },
  { consumers: 1 },
  { partitions: 1 },
  { offsetsPartitions: 1 },
  { logDirectories: 1 },
  { restartsMembers: false },
  { pausesPartitions: false },
  { staticMembers: false },
  { cutProbability: 0 },
  { compression: 'none' },
  { processingMs: 0 },
  { snapshotBytes: 20_971_520 },
  { replicaFetchBytes: 1_048_576 },
  { replicaFetchResponseBytes: 10_485_760 },
  { segmentMs: 60_000 },
  { checkpointEveryMs: 60_000 },
  { maxChunkBytes: 65_536 },
]

/**
 * Makes a failing run smaller: fault classes off one by one, then fewer nodes, programs and features, then a shorter time, as long as it fails in the
 * same way, within `maxRuns` runs.
 */
export async function shrink(failing: SimulationResult, play: Play, maxRuns = 60): Promise<Shrunk> {
  const way = wayOf(failing)
  let best: Shrunk = { override: {}, result: failing, runs: 0 }
  let runs = 0
  const attempt = async (change: Partial<SimulationOptions>): Promise<boolean> => {
    const { options } = best.result
    const isChange = Object.entries(change).some(([key, value]) => options[key as keyof SimulationOptions] !== value)
    if (!isChange || runs >= maxRuns) return false
    const override = { ...best.override, ...change }
    runs++
    const result = await play(override)
    if (wayOf(result) !== way) return false
    best = { override, result, runs }
    return true
  }
  for (const kind of failing.options.faults) await attempt({ faults: best.result.options.faults.filter(other => other !== kind) })
  for (const change of simpler) await attempt(change)
  while (await attempt({ safetyMs: Math.floor(best.result.options.safetyMs / 2) }));
  return { ...best, runs }
}

/** The kind of a run's first failure, without names and numbers. */
function wayOf({ failures: [first] }: SimulationResult): string | null {
  return first === undefined ? null : first.replaceAll(/"[^"]*"|\d+|[a-z_]+-\d+/g, '#').slice(0, 40)
}
