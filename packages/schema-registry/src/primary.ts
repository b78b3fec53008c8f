import type { ClientOptions } from '@millrace/client'
import { GroupMember } from '@millrace/client/internal'
import { type Logger, messageOf, type Timer, type World } from '@millrace/runtime'
import {
  decodeElection,
  elect,
  electionProtocolName,
  electionProtocolType,
  encodeIdentity,
  type InstanceIdentity,
  urlOf,
} from './election-protocol.ts'
import { registryErrors } from './errors.ts'

export interface PrimaryOptions {
  readonly client: ClientOptions & { readonly world: World }
  readonly logger: Logger
  /** Confluent's `schema.registry.group.id`. */
  readonly groupId: string
  readonly identity: InstanceIdentity
}

/** Which of several registries on one `_schemas` writes. */
export interface Primary {
  /** This instance is the one. */
  readonly isHere: boolean
  /** The primary's URL, waited for while an election is under way. Throws RegistryError 50004 when none is known after `waitMs`. */
  url(waitMs: number): Promise<string>
}

/**
 * The election of a primary as Confluent's registries hold it: instances are members of one Kafka group, and the eligible one with the smallest URL writes. The others
 * forward their writes to it. An instance is a static member by its URL, so that one that was killed and comes back takes its own place at once.
 */
export class PrimaryElection implements Primary {
  readonly #options: PrimaryOptions
  readonly #ownUrl: string
  readonly #member: GroupMember
  #primaryUrl: string | null = null
  #waiting: (() => void)[] = []

  constructor(options: PrimaryOptions) {
    const { client, logger, groupId, identity } = options
    this.#options = options
    this.#ownUrl = urlOf(identity)
    const clientId = 'schema-registry'
    this.#member = new GroupMember(
      {
        ...client,
        logger,
        clientId,
        groupId,
        groupInstanceId: this.#ownUrl,
        protocolType: electionProtocolType,
        protocolName: electionProtocolName,
      },
      {
        metadata: () => encodeIdentity(identity),
        assign: members => {
          const election = elect(members)
          return new Map(members.map(({ memberId }) => [memberId, election]))
        },
        assigned: assignment => this.#assigned(assignment),
        lost: () => this.#become(null),
      },
    )
  }

  get isHere(): boolean {
    return this.#primaryUrl === this.#ownUrl
  }

  /** Stands for election. */
  start(): void {
    this.#member.start()
  }

  /** Steps back, so that another one is elected at once. */
  async close(): Promise<void> {
    this.#become(null)
    await this.#member.close('the registry was closed')
  }

  async url(waitMs: number): Promise<string> {
    if (this.#primaryUrl === null) await this.#elected(waitMs)
    if (this.#primaryUrl === null) throw registryErrors.unknownPrimary()
    return this.#primaryUrl
  }

  #elected(waitMs: number): Promise<void> {
    return new Promise(resolve => {
      let timer: Timer | undefined
      const done = () => {
        timer?.cancel()
        this.#waiting = this.#waiting.filter(each => each !== done)
        resolve()
      }
      this.#waiting.push(done)
      timer = this.#options.client.world.clock.timer(waitMs, done)
    })
  }

  #assigned(assignment: Uint8Array): void {
    const { logger } = this.#options
    try {
      const { hasDuplicates, primary } = decodeElection(assignment)
      if (hasDuplicates)
        logger.error('registry-url-taken', {
          url: this.#ownUrl,
          hint: 'give each instance an advertisedHost and port of its own',
        })
      this.#become(hasDuplicates || !primary ? null : urlOf(primary))
    } catch (error) {
      logger.error('registry-election-unreadable', { reason: messageOf(error) })
      this.#become(null)
    }
  }

  #become(url: string | null): void {
    if (this.#primaryUrl === url) return
    this.#primaryUrl = url
    this.#options.logger.info('registry-primary', { primary: url ?? 'unknown', here: this.isHere })
    if (url !== null) for (const done of [...this.#waiting]) done()
  }
}
