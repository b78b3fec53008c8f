import type { Checkpoint, InputCheckpoint } from '../task/checkpoint.ts'
import { type Committed, checkpointOf } from './commit-metadata.ts'

export interface ResumePlan {
  /** From where to read; inputs without an entry begin by `autoOffsetReset`. */
  readonly inputs: Readonly<Record<string, InputCheckpoint>>
  readonly times: Readonly<Record<string, number>>
  /** How far, in offsets (exclusive), the changelogs belong to the state at `inputs`. A store that is not named: to its end. */
  readonly changelogs: Readonly<Record<string, number>>
  /** Where the local stores stand; a store that is not named is empty. */
  readonly local: Readonly<Record<string, number>>
  /** Something to tell. */
  readonly warning: string | null
}

/**
 * Where a task goes on. Two witnesses: the local stores, whose checkpoint was written with their content, and the group's committed offsets with their metadata.
 * A commit reaches the group first, so the local state is equal or behind; behind, changelogs bring it up to what the group says. Both name changelog
 * positions that belong to the input offsets: what lies beyond in a changelog comes from an interval that was never committed, and is not applied, as its
 * records will be processed again.
 */
export function resumePlan(local: Checkpoint | null, committedOffsets: readonly Committed[]): ResumePlan {
  const committed = checkpointOf(committedOffsets)
  if (committed === null) {
    // Offsets of a group expire; then the local state still knows. Without it the changelogs are all there is.
    const { inputs = {}, times = {}, changelogs = {} } = local ?? {}
    return { inputs, times, changelogs: Object.keys(inputs).length > 0 ? changelogs : {}, local: changelogs, warning: null }
  }
  const localPositions = local?.changelogs ?? {}
  if (local === null || Object.keys(local.inputs).length === 0)
    return {
      inputs: committed.inputs,
      times: committed.times,
      changelogs: committed.changelogs,
      local: localPositions,
      warning: null,
    }

  const inputs: Record<string, InputCheckpoint> = { ...local.inputs }
  let isLocalBehind = false
  let isLocalAhead = false
  for (const [topic, theirs] of Object.entries(committed.inputs)) {
    const ours = local.inputs[topic]
    if (ours === undefined || ours.offset < theirs.offset) isLocalBehind = true
    else if (ours.offset > theirs.offset) isLocalAhead = true
    inputs[topic] = theirs
  }
  if (isLocalAhead)
    return {
      inputs,
      times: local.times,
      changelogs: localPositions,
      local: localPositions,
      warning:
        'committed offsets were set back: records are processed again on the state as it is; delete the state directory and the changelogs to start over',
    }
  if (isLocalBehind)
    return {
      inputs,
      times: { ...local.times, ...committed.times },
      changelogs: committed.changelogs,
      local: localPositions,
      warning: null,
    }
  // Equal: the local checkpoint is the more complete one.
  return { inputs: local.inputs, times: local.times, changelogs: localPositions, local: localPositions, warning: null }
}
