import type { Facts } from '@millrace/runtime'
import type { ConfigContext } from '../config/resolve.ts'
import type { BrokerSessions } from './broker-sessions.ts'
import type { MetadataImage } from './image.ts'
import type { MetadataRecord } from './metadata-record.ts'

/** What a request comes to: records that make it so, in one atomic batch, and the answer that is given once they are committed. */
export interface Decision<Response> {
  readonly records: readonly MetadataRecord[]
  readonly response: Response
  /** The records may take effect in parts: more of them than one atomic change may have are several. */
  readonly splittable?: boolean
  /** Raft raises kraft.version to this level, before the records. */
  readonly kraftVersion?: number
  /** What the operator should read of it, once it is committed. */
  readonly notice?: Notice
}

/** A line for the log of the active controller. */
export interface Notice {
  readonly level: 'info' | 'warn'
  readonly event: string
  readonly facts: Facts
}

/** What decisions look at. They change nothing: the image changes when the records are applied. */
export interface ControllerState extends ConfigContext {
  readonly clusterId: string
  readonly image: MetadataImage
  readonly metadata: MetadataImage
  /** A new random uuid, never one of the reserved. */
  readonly newUuid: () => string
  /** Uniform in 0 ≤ n < bound. */
  readonly below: (bound: number) => number
  /** Offset that the next record gets. */
  readonly nextOffset: () => number
  /** Level of kraft.version, which raft keeps. */
  readonly kraftVersion: () => number
  /** Why raft cannot raise it to this level; null when it can, or has. */
  readonly whyNoKraftVersion: (level: number) => string | null
  /** When brokers were last heard. Lives as long as this controller is active. */
  readonly sessions: BrokerSessions
  /** Monotonic time of the input that is decided. */
  readonly nowMs: number
}

export type Decide<Request, Response> = (state: ControllerState, request: Request, version: number) => Decision<Response>

/** Why one item of a request is refused: ends up in its own row of the answer. */
export class Refusal extends Error {
  readonly errorCode: number

  constructor(errorCode: number, message: string) {
    super(message)
    this.errorCode = errorCode
  }
}

/** Most records of one atomic change, Kafka's number too. */
export const maxRecordsPerChange = 10_000
/** Most characters of settings in one atomic change, so that its batch stays below Kafka's 8 MiB. */
const maxSettingsCharacters = 2 * 2 ** 20

/** Why these records cannot be one atomic change; null when they can. */
export function tooLarge(records: readonly MetadataRecord[]): string | null {
  if (records.length > maxRecordsPerChange)
    return `The change needs ${records.length} records, more than the ${maxRecordsPerChange} that one may have.`
  let characters = 0
  for (const { type, value } of records) if (type === 'ConfigRecord') characters += value.value?.length ?? 0
  return characters > maxSettingsCharacters
    ? `The change has settings of ${characters} characters, more than ${maxSettingsCharacters}.`
    : null
}

/** Runs `attempt` and turns a refusal into what `refused` makes of it. */
export function orRefusal<T>(attempt: () => T, refused: (refusal: Refusal) => T): T {
  try {
    return attempt()
  } catch (error) {
    if (error instanceof Refusal) return refused(error)
    throw error
  }
}
