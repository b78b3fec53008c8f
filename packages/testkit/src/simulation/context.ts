import type { History } from '../check/history.ts'
import type { SimulatedUniverse } from '../world/world.ts'
import type { SimulationOptions } from './options.ts'

/** The topic whose every acknowledged record must stay. */
export const ledgerTopic = 'ledger'
/** The topic whose records expire. */
export const shortTopic = 'short'
export const shortPartitions = 2
export const group = 'readers'

export function keyOf(topic: string, partition: number): string {
  return `${topic}-${partition}`
}

/** What the clients of a run share. */
export interface WorkloadContext {
  readonly universe: SimulatedUniverse
  readonly options: SimulationOptions
  readonly history: History
  readonly bootstrapServers: string
  /** The next value: unique in the run. */
  readonly nextValue: () => number
  readonly log: (line: string) => void
  /** What must never happen did. */
  readonly fail: (failure: string) => void
  /** How far the group has read each key: the offset behind the last record that a member got. */
  readonly groupEnds: Map<string, number>
}

/** Partitions with their topics, of all data topics of the run. */
export function dataPartitions(options: SimulationOptions): { topic: string; partition: number }[] {
  const partitions = Array.from({ length: options.partitions }, (_, partition) => ({ topic: ledgerTopic, partition }))
  if (options.retention)
    for (let partition = 0; partition < shortPartitions; partition++) partitions.push({ topic: shortTopic, partition })
  return partitions
}
