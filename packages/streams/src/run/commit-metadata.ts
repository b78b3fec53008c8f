import type { Checkpoint, InputCheckpoint } from '../task/checkpoint.ts'

/** Kafka's default `offset.metadata.max.bytes`. */
export const maxMetadataBytes = 4096

interface Metadata {
  readonly v: 1
  /** Partition time. */
  readonly t: number
  /** Of a repartition topic: what was seen last, by origin. */
  readonly s?: InputCheckpoint['seen']
  /** On one of the task's partitions: where the changelogs stand, and the times of operators. */
  readonly c?: Readonly<Record<string, number>>
  readonly w?: Readonly<Record<string, number>>
}

/** What to commit for a task: for each input partition the offset, and, as far as it fits, the rest of the checkpoint as the offset's metadata. */
export function committedOf(checkpoint: Checkpoint): { topic: string; offset: number; metadata: string }[] {
  const topics = Object.keys(checkpoint.inputs).sort()
  return topics.map((topic, index) => {
    const { offset, timeMs, seen } = checkpoint.inputs[topic]!
    const base: Metadata = { v: 1, t: timeMs }
    const ofTask = index === 0 ? { c: checkpoint.changelogs, w: checkpoint.times } : {}
    const forms: Metadata[] = [{ ...base, ...ofTask, ...(seen && { s: seen }) }, { ...base, ...ofTask }, base]
    const texts = forms.map(form => JSON.stringify(form))
    return { topic, offset, metadata: texts.find(text => Buffer.byteLength(text) <= maxMetadataBytes) ?? '' }
  })
}

export interface Committed {
  readonly topic: string
  readonly offset: number
  readonly metadata: string
}

/** A checkpoint out of what a group has committed. `hasChangelogs` false: nobody said where the changelogs stood. Null: nothing was committed. */
export function checkpointOf(committed: readonly Committed[]): (Checkpoint & { readonly hasChangelogs: boolean }) | null {
  if (committed.length === 0) return null
  const inputs: Record<string, InputCheckpoint> = {}
  let changelogs: Readonly<Record<string, number>> | undefined
  let times: Readonly<Record<string, number>> = {}
  for (const { topic, offset, metadata } of committed) {
    const parsed = parse(metadata)
    inputs[topic] = { offset, timeMs: parsed?.t ?? -1, ...(parsed?.s && { seen: parsed.s }) }
    if (parsed?.c) {
      changelogs = parsed.c
      times = parsed.w ?? {}
    }
  }
  return { inputs, changelogs: changelogs ?? {}, times, hasChangelogs: changelogs !== undefined }
}

function parse(text: string): Metadata | null {
  try {
    const parsed = JSON.parse(text)
    return parsed?.v === 1 && typeof parsed.t === 'number' ? parsed : null
  } catch {
    return null
  }
}
