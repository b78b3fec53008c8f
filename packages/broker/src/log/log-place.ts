import { type Logger, messageOf, type World } from '@millrace/runtime'
import { DelayedRemovals } from './delayed-removals.ts'
import type { DiskGuard } from './disk-guard.ts'

/** A partition's directory: what it is called, and the removal of what is no longer needed in it. */
export class LogPlace {
  readonly #world: World
  readonly #logger: Logger
  readonly #guard: DiskGuard
  readonly #removals: DelayedRemovals
  #directory: string

  constructor(world: World, logger: Logger, guard: DiskGuard, directory: string) {
    this.#world = world
    this.#logger = logger
    this.#guard = guard
    this.#directory = directory
    this.#removals = new DelayedRemovals(world.clock)
  }

  get directory(): string {
    return this.#directory
  }

  /** Makes the names in it, and its own, durable. */
  sync(): void {
    this.#world.disk.syncDirectory(this.#directory)
    this.#world.disk.syncDirectory(parentOf(this.#directory))
  }

  /** Durable when it returns. Throws DiskError. */
  rename(destination: string): void {
    const { disk } = this.#world
    disk.rename(this.#directory, destination)
    disk.syncDirectory(parentOf(destination))
    this.#directory = destination
  }

  /** Out of the way: `…-delete` and `…-stray` are nobody's logs. Throws DiskError. */
  setAside(topic: string, partition: number, suffix: 'delete' | 'stray'): void {
    this.rename(`${parentOf(this.#directory)}/${uniqueName(topic, partition, suffix, this.#world)}`)
  }

  remove(): void {
    this.#world.disk.removeDirectory(this.#directory)
  }

  /** Removes files after a while. A failure of the disk is noticed; there is nobody to tell but its owner. */
  later(delayMs: number, remove: () => void): void {
    this.#removals.add(delayMs, () => {
      try {
        this.#guard.run(remove)
      } catch (error) {
        this.#logger.warn('log.files-not-removed', { directory: this.#directory, reason: messageOf(error) })
      }
    })
  }

  close(): void {
    this.#removals.cancel()
  }
}

/** A directory name that no other has. Names of files end at 255 bytes: the topic gives way, since only the suffix matters then. */
export function uniqueName(topic: string, partition: number, suffix: string, { random }: Pick<World, 'random'>): string {
  const tail = `-${partition}.${Buffer.from(random.bytes(16)).toString('hex')}-${suffix}`
  return `${topic.slice(0, 255 - tail.length)}${tail}`
}

function parentOf(directory: string): string {
  return directory.slice(0, directory.lastIndexOf('/')) || '/'
}
