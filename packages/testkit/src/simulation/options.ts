import type { SeededRandom } from '../world/random.ts'

/** What a seed draws beside the faults: different seeds explore different products. */
export interface SimulationOptions {
  readonly partitions: number
  readonly producers: number
  readonly consumers: number
  readonly idempotent: boolean
  readonly lingerMs: number
  readonly batchBytes: number
  readonly compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  readonly valueBytes: number
  /** Mean time between two sends of a producer. */
  readonly sendEveryMs: number
  /** `ack`: every append is synced before it is acknowledged, so the power may fail. `interval`: as Kafka; only processes die. */
  readonly flush: 'ack' | 'interval'
  readonly segmentMs: number
  readonly indexIntervalBytes: number
  readonly latencyMs: number
  readonly cutProbability: number
  /** Mean time between two faults. */
  readonly faultEveryMs: number
  readonly faults: readonly FaultKind[]
  /** Length of the phase with faults. */
  readonly safetyMs: number
}

export const faultKinds = [
  'kill-broker',
  'pause-broker',
  'cut-connections',
  'block-link',
  'kill-producer',
  'kill-consumer',
  'lose-power',
] as const
export type FaultKind = (typeof faultKinds)[number]

export function drawOptions(random: SeededRandom): SimulationOptions {
  const flush = random.chance(0.5) ? 'ack' : 'interval'
  return {
    partitions: random.between(1, 4),
    producers: random.between(1, 3),
    consumers: random.between(1, 3),
    idempotent: random.chance(0.85),
    lingerMs: random.pick([0, 0, 5, 50]),
    batchBytes: random.pick([200, 1000, 16_384]),
    compression: random.pick(['none', 'none', 'none', 'none', 'none', 'none', 'snappy', 'snappy', 'lz4', 'lz4', 'gzip', 'zstd']),
    valueBytes: random.pick([20, 20, 300]),
    sendEveryMs: random.pick([20, 60, 200]),
    flush,
    segmentMs: random.pick([500, 3000, 60_000]),
    indexIntervalBytes: random.pick([0, 100, 4096]),
    latencyMs: random.pick([0.1, 1, 10]),
    cutProbability: random.pick([0, 0, 0.0005, 0.005]),
    faultEveryMs: random.pick([800, 2000, 5000]),
    faults: faultKinds.filter(kind => random.chance(0.6) && (kind !== 'lose-power' || flush === 'ack')),
    safetyMs: random.pick([4000, 8000, 12_000]),
  }
}
