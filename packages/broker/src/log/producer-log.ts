import type { BatchView } from '@millrace/protocol'
import type { World } from '@millrace/runtime'
import { offsetName } from './log-files.ts'
import { readSnapshot, writeSnapshot } from './producer-snapshot.ts'
import { ProducerState } from './producer-state.ts'

/** The producer state of one log with its snapshots on disk: one at the start of each segment, as Kafka keeps them, and one at a clean stop. */
export class ProducerLog {
  readonly state: ProducerState
  readonly #world: World
  readonly #directory: string
  /** Offsets of the snapshot files, growing. */
  #snapshots: number[]

  constructor(world: World, directory: string, snapshots: readonly number[], expirationMs: number) {
    this.#world = world
    this.#directory = directory
    this.#snapshots = [...snapshots]
    this.state = new ProducerState(expirationMs)
  }

  get snapshots(): readonly number[] {
    return this.#snapshots
  }

  /** Loads the newest good snapshot up to `endOffset`; damaged ones are deleted. Returns the offset from which batches must be replayed. */
  load(endOffset: number, startOffset: number): number {
    for (const offset of this.#snapshots.toReversed()) {
      if (offset > endOffset) continue
      const entries = readSnapshot(this.#world.disk, this.#path(offset))
      if (entries !== null) {
        this.state.load(entries, this.#world.clock.now())
        return Math.max(offset, startOffset)
      }
      this.#remove(snapshot => snapshot === offset)
    }
    this.state.clear()
    return startOffset
  }

  update(batch: BatchView): void {
    this.state.update(batch, this.#world.clock.now())
  }

  /** Writes the state as of the log's end `offset`, once. */
  snapshot(offset: number): void {
    if (this.#snapshots.includes(offset)) return
    writeSnapshot(this.#world.disk, this.#path(offset), this.state.entries())
    this.#snapshots.push(offset)
  }

  /** Deletes the snapshots at and behind `offset`. */
  removeFrom(offset: number): void {
    this.#remove(snapshot => snapshot >= offset)
  }

  /** Deletes snapshots that belong to no segment, but for the newest. */
  removeStrays(segments: ReadonlySet<number>): void {
    const newest = this.#snapshots.at(-1)
    this.#remove(offset => offset !== newest && !segments.has(offset))
  }

  /** Deletes the snapshots before `offset`: their segments are gone. */
  removeBefore(offset: number): void {
    this.#remove(snapshot => snapshot < offset)
  }

  #remove(goes: (offset: number) => boolean): void {
    this.#snapshots = this.#snapshots.filter(offset => {
      if (!goes(offset)) return true
      this.#world.disk.remove(this.#path(offset))
      return false
    })
  }

  #path(offset: number): string {
    return `${this.#directory}/${offsetName(offset)}.snapshot`
  }
}
