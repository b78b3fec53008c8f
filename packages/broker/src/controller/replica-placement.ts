import { ErrorCode } from '@millrace/protocol'
import { Refusal } from './decision.ts'
import { unassignedDirectory } from './directory-id.ts'
import type { BrokerImage, MetadataImage } from './image.ts'

type Below = (bound: number) => number

/**
 * Replicas for `count` new partitions, the way Apache Kafka stripes them: leaders go round the racks, and round the unfenced brokers within a
 * rack; followers come from the other racks first. Fenced brokers are used last and never lead; brokers that shut down or have all
 * directories cordoned are not used. Throws a Refusal INVALID_REPLICATION_FACTOR.
 */
export function placeReplicas(image: MetadataImage, count: number, factor: number, below: Below): number[][] {
  const usable = [...image.brokers()].filter(broker => !broker.inControlledShutdown && hasOpenDirectory(broker))
  if (factor > usable.length) {
    throw new Refusal(
      ErrorCode.INVALID_REPLICATION_FACTOR,
      `Unable to replicate the partition ${factor} time(s): The target replication factor of ${factor} cannot be reached because only ${usable.length} broker(s) are registered.`,
    )
  }
  if (usable.every(broker => broker.fenced)) {
    throw new Refusal(
      ErrorCode.INVALID_REPLICATION_FACTOR,
      `Unable to replicate the partition ${factor} time(s): All brokers are currently fenced.`,
    )
  }
  const stripes = new Stripes(usable, below)
  return Array.from({ length: count }, () => stripes.place(factor))
}

function hasOpenDirectory({ logDirs, registration }: BrokerImage): boolean {
  const cordoned = registration.cordonedLogDirs ?? []
  return logDirs.length === 0 || !logDirs.every(id => cordoned.includes(id))
}

/** Brokers of a rack in turn: a partition takes each once at most, and the next partition that comes by starts one further. */
class Turn {
  readonly #brokers: number[]
  #start: number
  #taken = 0
  #round = 0

  constructor(brokers: readonly number[], below: Below) {
    this.#brokers = [...brokers].sort((a, b) => a - b)
    this.#start = brokers.length > 0 ? below(brokers.length) : 0
  }

  /** Null: the partition of this round has them all. */
  next(round: number): number | null {
    const { length } = this.#brokers
    if (length === 0) return null
    if (round !== this.#round) {
      this.#round = round
      this.#taken = 0
      this.#start = (this.#start + 1) % length
    }
    if (this.#taken === length) return null
    return this.#brokers[(this.#start + this.#taken++) % length]!
  }

  shuffle(below: Below): void {
    shuffle(this.#brokers, below)
  }
}

interface Rack {
  readonly unfenced: Turn
  readonly fenced: Turn
}

class Stripes {
  readonly #below: Below
  readonly #racks: Rack[]
  readonly #unfencedCount: number
  #round = 0
  #first: number

  constructor(brokers: readonly BrokerImage[], below: Below) {
    this.#below = below
    const names = [...new Set(brokers.map(broker => broker.rack))].sort((a, b) =>
      a === null ? -1 : b === null || a > b ? 1 : -1,
    )
    this.#racks = names.map(name => {
      const ids = (fenced: boolean) => brokers.filter(each => each.rack === name && each.fenced === fenced).map(each => each.id)
      return { unfenced: new Turn(ids(false), below), fenced: new Turn(ids(true), below) }
    })
    this.#unfencedCount = brokers.filter(broker => !broker.fenced).length
    this.#first = below(names.length)
  }

  place(factor: number): number[] {
    // After a partition for each broker the same pairs would come again.
    if (this.#round === this.#unfencedCount && this.#unfencedCount > 1) {
      shuffle(this.#racks, this.#below)
      for (const { unfenced, fenced } of this.#racks) for (const turn of [unfenced, fenced]) turn.shuffle(this.#below)
      this.#round = 0
    }
    const round = this.#round++
    const first = this.#first
    this.#first = (first + 1) % this.#racks.length
    const replicas: number[] = []
    const rackAt = (step: number) => (first + step) % this.#racks.length
    let leaderRack = -1
    for (let step = 0; replicas.length === 0; step++) {
      const broker = this.#racks[rackAt(step)]!.unfenced.next(round)
      if (broker === null) continue
      replicas.push(broker)
      leaderRack = rackAt(step)
    }
    for (let step = 0; replicas.length < factor; step++) {
      const rack = rackAt(step)
      // The first time round the leader's rack has had its turn.
      if (step < this.#racks.length && rack === leaderRack) continue
      const broker = this.#racks[rack]!.unfenced.next(round) ?? this.#racks[rack]!.fenced.next(round)
      if (broker !== null) replicas.push(broker)
    }
    return replicas
  }
}

function shuffle(list: unknown[], below: Below): void {
  for (let last = list.length - 1; last > 0; last--) {
    const other = below(last + 1)
    ;[list[last], list[other]] = [list[other], list[last]]
  }
}

/** Checks a replica list given by hand; with a `factor`, its length too. Throws a Refusal INVALID_REPLICA_ASSIGNMENT. */
export function checkReplicas(image: MetadataImage, replicas: readonly number[], factor: number | null): void {
  const refuse = (why: string) => new Refusal(ErrorCode.INVALID_REPLICA_ASSIGNMENT, why)
  if (replicas.length === 0) throw refuse('The manual partition assignment includes an empty replica list.')
  const unknown = replicas.find(id => !image.broker(id))
  if (unknown !== undefined)
    throw refuse(`The manual partition assignment includes broker ${unknown}, but no such broker is registered.`)
  const twice = replicas.find((id, index) => replicas.indexOf(id) !== index)
  if (twice !== undefined) throw refuse(`The manual partition assignment includes the broker ${twice} more than once.`)
  if (factor !== null && replicas.length !== factor)
    throw refuse(
      `The manual partition assignment includes a partition with ${replicas.length} replica(s), but this is not consistent with previous partitions, which have ${factor} replica(s).`,
    )
}

/** Checks the replica list of a new partition: one of the brokers at least can lead it. Throws a Refusal INVALID_REPLICA_ASSIGNMENT. */
export function checkAssignment(
  image: MetadataImage,
  partition: number,
  replicas: readonly number[],
  factor: number | null,
): void {
  checkReplicas(image, replicas, factor)
  if (!replicas.some(id => image.isEligible(id)))
    throw new Refusal(
      ErrorCode.INVALID_REPLICA_ASSIGNMENT,
      `All brokers specified in the manual partition assignment for partition ${partition} are fenced or in controlled shutdown.`,
    )
}

/** The directory of a new replica, known when its broker has a single one. */
export function directoryOf(image: MetadataImage, brokerId: number): string {
  const logDirs = image.broker(brokerId)?.logDirs ?? []
  return logDirs.length === 1 ? logDirs[0]! : unassignedDirectory
}
