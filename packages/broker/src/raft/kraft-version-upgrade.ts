import { voterOf } from './voter.ts'
import { kraftVersionRange, type VoterEndpoints, type VoterSet } from './voter-set.ts'

/**
 * What the voters of a static quorum have told the leader of this epoch about themselves, by UpdateRaftVoter: their directories, endpoints and
 * levels of kraft.version. Nothing of it is in the log before kraft.version is raised to 1 (KIP-853).
 */
export class KraftVersionUpgrade {
  readonly #own: VoterEndpoints
  readonly #set: VoterSet
  readonly #told = new Map<number, VoterEndpoints>()

  /** `own`: this node with its directory and endpoints. */
  constructor(own: VoterEndpoints, set: VoterSet) {
    this.#own = own
    this.#set = set
  }

  /** Says whether it is one of the voters. */
  tell(voter: VoterEndpoints): boolean {
    if (!voterOf(this.#set.voters, voter)) return false
    this.#told.set(voter.id, voter)
    return true
  }

  /** Another epoch: its leader is told anew. */
  forget(): void {
    this.#told.clear()
  }

  /** Why the quorum cannot be raised to `level` now; null when it can, or is there already. */
  whyNot(level: number): string | null {
    const { kraftVersion } = this.#set
    if (level === kraftVersion) return null
    if (level < kraftVersion)
      return `Invalid upgrade of kraft.version from version ${kraftVersion} to ${level} because the new version is a downgrade`
    const isSupported = ({ id }: VoterEndpoints) => {
      const { maxSupportedVersion } = this.#voter(id)?.kraftVersions ?? { maxSupportedVersion: 0 }
      return level <= maxSupportedVersion
    }
    const missing = this.#set.voters.filter(voter => !isSupported(voter)).map(({ id }) => id)
    if (missing.length === 0) return null
    return `Invalid upgrade of kraft.version to ${level} because not all of the voters support it, or have told the leader so yet: ${missing.join(', ')}`
  }

  /** The voters as they are, with what the log does not know yet. */
  voters(): VoterEndpoints[] {
    return this.#set.voters.map(voter => this.#voter(voter.id) ?? voter)
  }

  #voter(id: number): VoterEndpoints | undefined {
    return id === this.#own.id ? { ...this.#own, kraftVersions: kraftVersionRange } : this.#told.get(id)
  }
}
