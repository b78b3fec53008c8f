import { AssignReplicasToDirs, type AssignReplicasToDirsRequest, ErrorCode, errorOf } from '@millrace/protocol'
import { type Logger, messageOf, type World } from '@millrace/runtime'
import type { ControllerClient } from '../services.ts'

/** As Kafka waits between two tries, at first and at most. */
const firstRetryMs = 100
const maxRetryMs = 10_000
const maxReplicas = 2250

interface Replica {
  readonly topicId: string
  readonly partition: number
}

export interface DirectoryAssignmentsOptions {
  readonly world: World
  readonly logger: Logger
  readonly nodeId: number
  readonly brokerEpoch: () => number
  readonly controller: ControllerClient
}

/** Tells the controller in which log directory each replica of this broker is (KIP-858), so that it knows what a failing directory takes along. One request at a time. */
export class DirectoryAssignments {
  readonly #options: DirectoryAssignmentsOptions
  readonly #waiting = new Map<string, { readonly replica: Replica; readonly directoryId: string }>()
  #isBusy = false
  #isClosed = false
  #retryMs = 0

  constructor(options: DirectoryAssignmentsOptions) {
    this.#options = options
  }

  /** What was said of the replica before and is not sent yet is forgotten. */
  add(replica: Replica, directoryId: string): void {
    this.#waiting.set(keyOf(replica), { replica, directoryId })
    this.#soon()
  }

  close(): void {
    this.#isClosed = true
    this.#waiting.clear()
  }

  #soon(): void {
    if (this.#isBusy || this.#isClosed || this.#waiting.size === 0) return
    this.#isBusy = true
    const { clock } = this.#options.world
    if (this.#retryMs > 0) clock.timer(this.#retryMs, () => void this.#send())
    else clock.defer(() => void this.#send())
  }

  async #send(): Promise<void> {
    const sent = [...this.#waiting.values()].slice(0, maxReplicas)
    for (const { replica } of sent) this.#waiting.delete(keyOf(replica))
    const isTaken = this.#isClosed ? () => true : await this.#ask(sent)
    let failed = false
    for (const assignment of sent) {
      if (isTaken(assignment.replica)) continue
      failed = true
      const key = keyOf(assignment.replica)
      if (!this.#waiting.has(key)) this.#waiting.set(key, assignment)
    }
    this.#retryMs = failed ? Math.min(maxRetryMs, Math.max(firstRetryMs, this.#retryMs * 2)) : 0
    this.#isBusy = false
    this.#soon()
  }

  /** Says of which replicas the controller has heard, or will not. */
  async #ask(
    sent: readonly { readonly replica: Replica; readonly directoryId: string }[],
  ): Promise<(replica: Replica) => boolean> {
    const { controller, nodeId, brokerEpoch, logger } = this.#options
    try {
      const directories = directoriesOf(sent)
      const request = { brokerId: nodeId, brokerEpoch: brokerEpoch(), directories }
      const response = await controller.request(AssignReplicasToDirs, 0, request)
      // A cluster whose metadata have no directories.
      if (response.errorCode === ErrorCode.UNSUPPORTED_VERSION) return () => true
      if (response.errorCode !== ErrorCode.NONE) throw new Error(errorOf(response.errorCode).code)
      const codes = new Map<string, number>()
      for (const { topics } of response.directories)
        for (const { topicId, partitions } of topics)
          for (const { partitionIndex, errorCode } of partitions)
            codes.set(keyOf({ topicId, partition: partitionIndex }), errorCode)
      return replica => isFinal(codes.get(keyOf(replica)))
    } catch (error) {
      logger.warn('directories.not-assigned', { replicas: sent.length, reason: messageOf(error) })
      return () => false
    }
  }
}

/** Heard, or of a partition that is not this broker's any more. */
function isFinal(errorCode: number | undefined): boolean {
  return (
    errorCode === ErrorCode.NONE ||
    errorCode === ErrorCode.UNKNOWN_TOPIC_ID ||
    errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION ||
    errorCode === ErrorCode.NOT_LEADER_OR_FOLLOWER
  )
}

function keyOf({ topicId, partition }: Replica): string {
  return `${topicId}/${partition}`
}

function directoriesOf(
  sent: readonly { readonly replica: Replica; readonly directoryId: string }[],
): AssignReplicasToDirsRequest['directories'] {
  const directories = new Map<string, Map<string, { partitionIndex: number }[]>>()
  for (const { replica, directoryId } of sent) {
    let topics = directories.get(directoryId)
    if (topics === undefined) directories.set(directoryId, (topics = new Map()))
    let partitions = topics.get(replica.topicId)
    if (partitions === undefined) topics.set(replica.topicId, (partitions = []))
    partitions.push({ partitionIndex: replica.partition })
  }
  return [...directories].map(([id, topics]) => ({
    id,
    topics: [...topics].map(([topicId, partitions]) => ({ topicId, partitions })),
  }))
}
