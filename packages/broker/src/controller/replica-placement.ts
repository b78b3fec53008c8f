import { ErrorCode } from '@millrace/protocol'
import { Refusal } from './decision.ts'
import { unassignedDirectory } from './directory-id.ts'
import type { MetadataImage } from './image.ts'

/**
 * Replicas for `count` new partitions: leaders go round the active brokers from a random one on, followers take the next ones.
 * Throws a Refusal INVALID_REPLICATION_FACTOR when there are too few brokers.
 */
export function placeReplicas(image: MetadataImage, count: number, factor: number, below: (bound: number) => number): number[][] {
  const active = [...image.brokers()].filter(broker => !broker.fenced && !broker.inControlledShutdown).map(broker => broker.id)
  if (factor > active.length) {
    throw new Refusal(
      ErrorCode.INVALID_REPLICATION_FACTOR,
      `Unable to replicate the partition ${factor} time(s): the target replication factor of ${factor} cannot be reached because only ${active.length} broker(s) are active.`,
    )
  }
  const start = below(active.length)
  // Every round the followers shift by one, so that the partitions of one leader have different followers.
  return Array.from({ length: count }, (_, partition) => {
    const leader = start + partition
    const shift = active.length > 1 ? Math.floor(partition / active.length) % (active.length - 1) : 0
    return Array.from({ length: factor }, (_, replica) => {
      const step = replica === 0 ? 0 : 1 + ((replica - 1 + shift) % (active.length - 1))
      return active[(leader + step) % active.length]!
    })
  })
}

/** Checks a replica list given by hand. Throws a Refusal INVALID_REPLICA_ASSIGNMENT. */
export function checkAssignment(
  image: MetadataImage,
  partition: number,
  replicas: readonly number[],
  factor: number | null,
): void {
  const refuse = (why: string) => new Refusal(ErrorCode.INVALID_REPLICA_ASSIGNMENT, why)
  if (replicas.length === 0) throw refuse(`The manual partition assignment for partition ${partition} names no broker.`)
  if (new Set(replicas).size !== replicas.length)
    throw refuse(`The manual partition assignment for partition ${partition} names a broker twice.`)
  const unknown = replicas.find(id => !image.broker(id))
  if (unknown !== undefined)
    throw refuse(`The manual partition assignment includes broker ${unknown}, but no such broker is registered.`)
  if (factor !== null && replicas.length !== factor)
    throw refuse(
      `The manual partition assignment includes a partition with ${replicas.length} replica(s), but others have ${factor}.`,
    )
  if (!replicas.some(id => image.isActive(id)))
    throw refuse(`All brokers in the manual partition assignment for partition ${partition} are fenced or shutting down.`)
}

/** The directory of a replica, known when its broker has a single one. */
export function directoryOf(image: MetadataImage, brokerId: number): string {
  const logDirs = image.broker(brokerId)?.logDirs ?? []
  return logDirs.length === 1 ? logDirs[0]! : unassignedDirectory
}
