/**
 * What a task has done up to a commit. It is written twice: into the stores' own transaction, and, as far as it fits, into the metadata of the
 * group's committed offset, so that an instance without the state knows how far to read the changelogs.
 */
export interface Checkpoint {
  /** By `topic`: the task has one partition of each. */
  readonly inputs: Readonly<Record<string, InputCheckpoint>>
  /** By store: the changelog up to here (exclusive) is in the store. */
  readonly changelogs: Readonly<Record<string, number>>
  /** By node or store: the greatest event time it has seen. */
  readonly times: Readonly<Record<string, number>>
}

export interface InputCheckpoint {
  /** The next offset to process. */
  readonly offset: number
  /** Greatest event time of the partition; -1 for none. */
  readonly timeMs: number
  /** Of a repartition topic: by origin the last record that was taken, [offset, index]. See `Origin`. */
  readonly seen?: Readonly<Record<string, readonly [number, number]>>
}

/** null for a text that is no checkpoint: nothing was written, or by someone else. */
export function parseCheckpoint(text: string): Checkpoint | null {
  try {
    const parsed = JSON.parse(text)
    return isRecord(parsed) && isRecord(parsed.inputs) && isRecord(parsed.changelogs) && isRecord(parsed.times)
      ? (parsed as unknown as Checkpoint)
      : null
  } catch {
    return null
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
